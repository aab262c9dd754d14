// UTF-8 (RFC 3629), here because the core knows no TextEncoder. Nearly all of the ledger's texts are ASCII.

/** A decoder elsewhere would drop a leading one: then two byte strings would be one text. */
const BYTE_ORDER_MARK = 0xfeff;
/** What one call takes as arguments, on any engine. */
const PIECE = 4_096;

/** How many bytes the text takes; null for a lone surrogate or a leading byte-order mark, which do not come back. */
export function textBytes(text: string): number | null {
  let bytes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3;
    else if (unit < 0xdc00 && isLow(text.charCodeAt(index + 1))) {
      bytes += 4;
      index += 1;
    } else return null;
  }
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? null : bytes;
}

/** Writes text that `textBytes` has measured. */
export function writeText(text: string, bytes: Uint8Array, start: number): void {
  let at = start;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      index += 1;
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(index) & 0x3ff);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
}

/** Null when the bytes are not the one spelling of a text. */
export function readText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = '';
  let units: number[] = [];
  for (let at = start; at < end; ) {
    const first = bytes[at]!;
    const length = lengthAfter(first);
    if (length === 0 || at + length > end) return null;
    let point = length === 1 ? first : first & (0x7f >> length);
    for (let next = at + 1; next < at + length; next += 1) {
      if ((bytes[next]! & 0xc0) !== 0x80) return null;
      point = (point << 6) | (bytes[next]! & 0x3f);
    }
    if (!isShortest(point, length) || (at === start && point === BYTE_ORDER_MARK)) return null;
    if (length < 4) units.push(point);
    else units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
    at += length;
    if (units.length < PIECE) continue;
    text += String.fromCharCode(...units);
    units = [];
  }
  return text + String.fromCharCode(...units);
}

/** How many bytes a character takes that begins with this one; 0 where none does. */
function lengthAfter(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/** Whether the code point is one, and takes so many bytes and no fewer. */
function isShortest(point: number, length: number): boolean {
  switch (length) {
    case 1:
    case 2:
      return true;
    case 3:
      return point >= 0x800 && (point < 0xd800 || point > 0xdfff);
    default:
      return point >= 0x10000 && point <= 0x10ffff;
  }
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
