package io.pinotage.arrow;

import java.io.Serializable;
import java.util.Objects;

/** A type of Arrow, of those that rows of Pinot come from and go to. */
public final class ArrowType implements Serializable {
    private static final long serialVersionUID = 1L;

    /** How values lie in memory. */
    public enum Kind {
        /** A bit. */
        BOOL,
        /** 32 bits. */
        INT32,
        /** 64 bits. */
        INT64,
        /** 32 bits. */
        FLOAT32,
        /** 64 bits. */
        FLOAT64,
        /** Text. */
        UTF8,
        /** Bytes. */
        BINARY,
        /** As many bytes each. */
        FIXED_SIZE_BINARY,
        /** Days since 1970, in 32 bits. */
        DATE32,
        /** Milliseconds since 1970, in 64 bits. */
        TIMESTAMP_MILLIS,
        /** Microseconds since 1970, in 64 bits. */
        TIMESTAMP_MICROS,
        /** A number with a fixed scale, in 128 bits. */
        DECIMAL128,
        /** Values of one type; one child. */
        LIST,
        /** Values of several types; a child each. */
        STRUCT,
        /** Pairs; one child, a struct of keys and values. */
        MAP
    }

    /** True or false. */
    public static final ArrowType BOOL = new ArrowType(Kind.BOOL, null, 0, 0);
    /** 32 bits, signed. */
    public static final ArrowType INT32 = new ArrowType(Kind.INT32, null, 0, 0);
    /** 64 bits, signed. */
    public static final ArrowType INT64 = new ArrowType(Kind.INT64, null, 0, 0);
    /** Single precision. */
    public static final ArrowType FLOAT32 = new ArrowType(Kind.FLOAT32, null, 0, 0);
    /** Double precision. */
    public static final ArrowType FLOAT64 = new ArrowType(Kind.FLOAT64, null, 0, 0);
    /** Text. */
    public static final ArrowType UTF8 = new ArrowType(Kind.UTF8, null, 0, 0);
    /** Bytes. */
    public static final ArrowType BINARY = new ArrowType(Kind.BINARY, null, 0, 0);
    /** Days since 1970. */
    public static final ArrowType DATE32 = new ArrowType(Kind.DATE32, null, 0, 0);
    /** An instant, in milliseconds since 1970. */
    public static final ArrowType TIMESTAMP_MILLIS_UTC = new ArrowType(Kind.TIMESTAMP_MILLIS, "UTC", 0, 0);
    /** An instant, in microseconds since 1970. */
    public static final ArrowType TIMESTAMP_MICROS_UTC = new ArrowType(Kind.TIMESTAMP_MICROS, "UTC", 0, 0);
    /** Values of one type. */
    public static final ArrowType LIST = new ArrowType(Kind.LIST, null, 0, 0);
    /** Values of several types. */
    public static final ArrowType STRUCT = new ArrowType(Kind.STRUCT, null, 0, 0);
    /** Pairs. */
    public static final ArrowType MAP = new ArrowType(Kind.MAP, null, 0, 0);

    private final Kind kind;
    private final String zone;
    private final int width;
    private final int scale;

    private ArrowType(Kind kind, String zone, int width, int scale) {
        this.kind = kind;
        this.zone = zone;
        this.width = width;
        this.scale = scale;
    }

    /** A time of the clock, in milliseconds; without a zone it is read in the one that the options name. */
    public static ArrowType timestampMillis(String zone) {
        return new ArrowType(Kind.TIMESTAMP_MILLIS, zone, 0, 0);
    }

    /** A time of the clock, in microseconds; without a zone it is read in the one that the options name. */
    public static ArrowType timestampMicros(String zone) {
        return new ArrowType(Kind.TIMESTAMP_MICROS, zone, 0, 0);
    }

    /** A decimal number of at most 38 digits, {@code scale} of them behind the point. */
    public static ArrowType decimal128(int precision, int scale) {
        if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
            throw new IllegalArgumentException("a decimal of " + precision + " digits, " + scale + " behind the point");
        }
        return new ArrowType(Kind.DECIMAL128, null, precision, scale);
    }

    /** So many bytes each. */
    public static ArrowType fixedSizeBinary(int bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("values of " + bytes + " bytes");
        }
        return new ArrowType(Kind.FIXED_SIZE_BINARY, null, bytes, 0);
    }

    /** How values lie in memory. */
    public Kind kind() {
        return kind;
    }

    /** The zone of a timestamp; null for one without. */
    public String zone() {
        return zone;
    }

    /** The digits of a decimal. */
    public int precision() {
        return kind == Kind.DECIMAL128 ? width : 0;
    }

    /** The digits of a decimal behind the point. */
    public int scale() {
        return scale;
    }

    /** The bytes of a value of fixed size in its buffer; 0 for bits and values without a size of their own. */
    public int byteWidth() {
        switch (kind) {
            case INT32:
            case FLOAT32:
            case DATE32:
                return 4;
            case INT64:
            case FLOAT64:
            case TIMESTAMP_MILLIS:
            case TIMESTAMP_MICROS:
                return 8;
            case DECIMAL128:
                return 16;
            case FIXED_SIZE_BINARY:
                return width;
            default:
                return 0;
        }
    }

    /** The format string of the C data interface. */
    String format() {
        switch (kind) {
            case BOOL:
                return "b";
            case INT32:
                return "i";
            case INT64:
                return "l";
            case FLOAT32:
                return "f";
            case FLOAT64:
                return "g";
            case UTF8:
                return "u";
            case BINARY:
                return "z";
            case FIXED_SIZE_BINARY:
                return "w:" + width;
            case DATE32:
                return "tdD";
            case TIMESTAMP_MILLIS:
                return "tsm:" + (zone == null ? "" : zone);
            case TIMESTAMP_MICROS:
                return "tsu:" + (zone == null ? "" : zone);
            case DECIMAL128:
                return "d:" + width + "," + scale;
            case LIST:
                return "+l";
            case STRUCT:
                return "+s";
            case MAP:
                return "+m";
            default:
                throw new IllegalStateException(kind.name());
        }
    }

    /** The type of a format string; null for one that rows of Pinot never have. */
    static ArrowType ofFormat(String format) {
        switch (format) {
            case "b":
                return BOOL;
            case "i":
                return INT32;
            case "l":
                return INT64;
            case "f":
                return FLOAT32;
            case "g":
                return FLOAT64;
            case "u":
                return UTF8;
            case "z":
                return BINARY;
            case "tdD":
                return DATE32;
            case "+l":
                return LIST;
            case "+s":
                return STRUCT;
            case "+m":
                return MAP;
            default:
                return ofParameters(format);
        }
    }

    private static ArrowType ofParameters(String format) {
        if (format.startsWith("tsm:") || format.startsWith("tsu:")) {
            String zone = format.length() == 4 ? null : format.substring(4);
            return format.charAt(2) == 'm' ? timestampMillis(zone) : timestampMicros(zone);
        }
        if (format.startsWith("w:")) {
            return fixedSizeBinary(Integer.parseInt(format.substring(2)));
        }
        if (format.startsWith("d:")) {
            String[] parts = format.substring(2).split(",");
            return parts.length == 2 ? decimal128(Integer.parseInt(parts[0]), Integer.parseInt(parts[1])) : null;
        }
        return null;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof ArrowType)) {
            return false;
        }
        ArrowType that = (ArrowType) other;
        return kind == that.kind && width == that.width && scale == that.scale && Objects.equals(zone, that.zone);
    }

    @Override
    public int hashCode() {
        return Objects.hash(kind, zone, width, scale);
    }

    @Override
    public String toString() {
        switch (kind) {
            case DECIMAL128:
                return "DECIMAL128(" + width + ", " + scale + ")";
            case FIXED_SIZE_BINARY:
                return "FIXED_SIZE_BINARY(" + width + ")";
            case TIMESTAMP_MILLIS:
            case TIMESTAMP_MICROS:
                return zone == null ? kind.name() : kind.name() + "(" + zone + ")";
            default:
                return kind.name();
        }
    }
}
