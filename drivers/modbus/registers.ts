import { DriversError } from '../errors.ts';

/** Types of values in registers: those of SunSpec (Information Model Specification V1.9, 6.4), which contain the usual ones. */
export type RegisterType =
  | 'int16'
  | 'uint16'
  | 'acc16'
  | 'enum16'
  | 'bitfield16'
  | 'count'
  | 'raw16'
  | 'pad'
  | 'sunssf'
  | 'int32'
  | 'uint32'
  | 'acc32'
  | 'enum32'
  | 'bitfield32'
  | 'ipaddr'
  | 'float32'
  | 'int64'
  | 'uint64'
  | 'acc64'
  | 'bitfield64'
  | 'float64'
  | 'eui48'
  | 'ipv6addr'
  | 'string';

/** 64-bit integers are bigint, strings string, all else number; `undefined`: the device says it has no such value. */
export type RegisterValue = number | bigint | string | undefined;
/** 'little': the word with the low bits comes first. Within a register the high byte always comes first. */
export type WordOrder = 'big' | 'little';

type Row = {
  readonly registers: number;
  readonly kind: 'integer' | 'float' | 'string' | 'hex';
  readonly signed?: boolean;
  /** The pattern of an unimplemented point; none where every pattern is a value. */
  readonly na?: bigint;
};

const integer = (registers: number, na?: bigint, signed = false): Row => ({
  registers,
  kind: 'integer',
  signed,
  ...(na !== undefined && { na }),
});

/**
 * The whole codec as a table. A zero in acc* means "not accumulated" and is also a legal zero: it is read as 0
 * and judged by who knows the counter's past.
 */
const table: Readonly<Record<RegisterType, Row>> = {
  int16: integer(1, 0x8000n, true),
  uint16: integer(1, 0xffffn),
  acc16: integer(1),
  enum16: integer(1, 0xffffn),
  bitfield16: integer(1, 0xffffn),
  count: integer(1),
  raw16: integer(1),
  pad: integer(1),
  sunssf: integer(1, 0x8000n, true),
  int32: integer(2, 0x8000_0000n, true),
  uint32: integer(2, 0xffff_ffffn),
  acc32: integer(2),
  enum32: integer(2, 0xffff_ffffn),
  bitfield32: integer(2, 0xffff_ffffn),
  ipaddr: integer(2, 0n),
  float32: { registers: 2, kind: 'float' },
  int64: integer(4, 0x8000_0000_0000_0000n, true),
  uint64: integer(4, 0xffff_ffff_ffff_ffffn),
  acc64: integer(4),
  bitfield64: integer(4, 0xffff_ffff_ffff_ffffn),
  float64: { registers: 4, kind: 'float' },
  eui48: { registers: 4, kind: 'hex' },
  ipv6addr: { registers: 8, kind: 'hex' },
  string: { registers: 0, kind: 'string' },
};

/** Registers a value takes; `size` is told for strings alone. */
export function registersOf(type: RegisterType, size?: number): number {
  return type === 'string' ? (size ?? 0) : table[type].registers;
}

/** `registers` must be exactly as many as the type takes, each 0..65535. */
export function decodeRegisters(
  registers: readonly number[],
  type: RegisterType,
  order: WordOrder = 'big',
): RegisterValue {
  const row = table[type];
  const expected = type === 'string' ? registers.length : row.registers;
  if (registers.length !== expected) {
    throw new DriversError('DRIVERS_BAD_REPLY', `${type} takes ${expected} registers`, {
      type,
      registers: registers.length,
    });
  }
  const words = order === 'big' ? registers : [...registers].reverse();
  switch (row.kind) {
    case 'string':
      return decodeString(registers);
    case 'hex': {
      const hex = words.map((word) => word.toString(16).padStart(4, '0')).join('');
      return /^(0+|0*f{12})$/.test(hex) ? undefined : hex;
    }
    case 'float': {
      const value = floatView(words, row.registers);
      return Number.isNaN(value) ? undefined : value;
    }
    case 'integer': {
      const bits = BigInt(16 * row.registers);
      const raw = words.reduce((sum, word) => (sum << 16n) | BigInt(word), 0n);
      if (raw === row.na) return undefined;
      const value = row.signed ? BigInt.asIntN(Number(bits), raw) : raw;
      return row.registers === 4 ? value : Number(value);
    }
    default:
      return row.kind satisfies never;
  }
}

export type Encoded =
  | { readonly ok: true; readonly registers: readonly number[] }
  | { readonly ok: false; readonly reason: string };

/**
 * Refuses whatever would not read back as the same value: out of range (a negative number in an unsigned
 * register would wrap to a very large one), fractions, patterns of unimplemented points, text too long or not ASCII.
 */
export function encodeRegisters(
  value: number | bigint | string,
  type: RegisterType,
  options: { readonly order?: WordOrder; readonly size?: number } = {},
): Encoded {
  const { order = 'big', size = 0 } = options;
  const row = table[type];
  if (row.kind === 'hex') return refused(`${type} is read only`);
  if (row.kind === 'string')
    return typeof value === 'string' ? encodeString(value, size) : refused('not a text');
  if (typeof value === 'string') return refused('not a number');
  const words = row.kind === 'float' ? floatWords(Number(value), row.registers) : integerWords(value, row);
  if (typeof words === 'string') return refused(words);
  return { ok: true, registers: order === 'big' ? words : words.reverse() };
}

function integerWords(value: number | bigint, row: Row): number[] | string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return `${value} is no safe integer`;
  const bits = 16 * row.registers;
  const wanted = BigInt(value);
  const raw = BigInt.asUintN(bits, wanted);
  const readBack = row.signed ? BigInt.asIntN(bits, raw) : raw;
  if (readBack !== wanted) return `${value} does not fit ${row.signed ? 'signed' : 'unsigned'} ${bits} bits`;
  if (raw === row.na) return `${value} marks a point as unimplemented`;
  return Array.from({ length: row.registers }, (_, i) =>
    Number((raw >> BigInt(16 * (row.registers - 1 - i))) & 0xffffn),
  );
}

function floatView(words: readonly number[], registers: number): number {
  const view = new DataView(new ArrayBuffer(2 * registers));
  for (const [i, word] of words.entries()) view.setUint16(2 * i, word);
  return registers === 2 ? view.getFloat32(0) : view.getFloat64(0);
}

function floatWords(value: number, registers: number): number[] | string {
  const view = new DataView(new ArrayBuffer(2 * registers));
  if (registers === 2) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  if (!Number.isFinite(registers === 2 ? view.getFloat32(0) : value)) return `${value} is no finite float`;
  return Array.from({ length: registers }, (_, i) => view.getUint16(2 * i));
}

/** Text ends at the first NUL; blanks around it and bytes that are no printable ASCII are left out. */
function decodeString(registers: readonly number[]): string | undefined {
  const bytes = registers.flatMap((word) => [word >> 8, word & 0xff]);
  const end = bytes.indexOf(0);
  const text = bytes
    .slice(0, end < 0 ? bytes.length : end)
    .filter((byte) => byte >= 0x20 && byte < 0x7f)
    .map((byte) => String.fromCharCode(byte))
    .join('')
    .trim();
  return text === '' ? undefined : text;
}

function encodeString(text: string, size: number): Encoded {
  if (!/^[\x20-\x7e]*$/.test(text)) return refused('not ASCII');
  if (text.length > 2 * size) return refused(`longer than ${2 * size} characters`);
  const byte = (i: number) => (i < text.length ? text.charCodeAt(i) : 0);
  return {
    ok: true,
    registers: Array.from({ length: size }, (_, i) => (byte(2 * i) << 8) | byte(2 * i + 1)),
  };
}

function refused(reason: string): Encoded {
  return { ok: false, reason };
}
