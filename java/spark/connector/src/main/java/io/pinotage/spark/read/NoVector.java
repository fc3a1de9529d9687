package io.pinotage.spark.read;

import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.Decimal;
import org.apache.spark.sql.vectorized.ColumnVector;
import org.apache.spark.sql.vectorized.ColumnarArray;
import org.apache.spark.sql.vectorized.ColumnarMap;
import org.apache.spark.unsafe.types.UTF8String;

/** A vector that has values of no type: each kind of vector has its own. */
abstract class NoVector extends ColumnVector {
    NoVector(DataType type) {
        super(type);
    }

    private UnsupportedOperationException no() {
        return new UnsupportedOperationException("a value of " + dataType().sql() + " is asked for as another type");
    }

    @Override
    public void close() {
        // The batch owns the memory.
    }

    @Override
    public boolean getBoolean(int row) {
        throw no();
    }

    @Override
    public byte getByte(int row) {
        throw no();
    }

    @Override
    public short getShort(int row) {
        throw no();
    }

    @Override
    public int getInt(int row) {
        throw no();
    }

    @Override
    public long getLong(int row) {
        throw no();
    }

    @Override
    public float getFloat(int row) {
        throw no();
    }

    @Override
    public double getDouble(int row) {
        throw no();
    }

    @Override
    public ColumnarArray getArray(int row) {
        throw no();
    }

    @Override
    public ColumnarMap getMap(int row) {
        throw no();
    }

    @Override
    public Decimal getDecimal(int row, int precision, int scale) {
        throw no();
    }

    @Override
    public UTF8String getUTF8String(int row) {
        throw no();
    }

    @Override
    public byte[] getBinary(int row) {
        throw no();
    }

    @Override
    public ColumnVector getChild(int ordinal) {
        throw no();
    }
}
