package io.pinotage.flink.scenarios;

import java.time.Instant;

/** The row of a number as an object: public fields, and getters. */
public final class Order {
    public long id;
    public String key;
    public String[] tags;
    private double price;
    private Instant at;

    static Order of(long id) {
        Order order = new Order();
        order.id = id;
        order.key = (String) Rows.row(id).getField(1);
        order.price = id * 0.25;
        order.at = (Instant) Rows.row(id).getField(3);
        order.tags = (String[]) Rows.row(id).getField(4);
        return order;
    }

    public double getPrice() {
        return price;
    }

    public Instant getAt() {
        return at;
    }
}
