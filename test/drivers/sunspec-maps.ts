import type { Registers } from './misbehaving-server.ts';

/** SunSpec maps laid out by hand from the standard's tables: the offsets here are not taken from the driver's. */
export type TestMap = Registers & {
  /** Sets a register of the first model `id`; offset 0 is its ID. Negative values become two's complement. */
  put(id: number, offset: number, ...words: number[]): void;
  get(id: number, offset: number): number;
  starts: Map<number, number>;
};

const na = 0xffff;

export function testMap(models: readonly (readonly [id: number, length: number])[], base = 40000): TestMap {
  const holding = new Map<number, number>();
  const starts = new Map<number, number>();
  let at = base;
  const push = (...words: number[]) => {
    for (const word of words) {
      holding.set(at, word & 0xffff);
      at += 1;
    }
  };
  push(0x5375, 0x6e53);
  for (const [id, length] of models) {
    if (!starts.has(id)) starts.set(id, at);
    push(id, length, ...new Array<number>(length).fill(na));
  }
  push(0xffff, 0);
  const map: TestMap = {
    holding,
    input: new Map(),
    starts,
    put(id, offset, ...words) {
      for (const [i, word] of words.entries()) holding.set(starts.get(id)! + offset + i, word & 0xffff);
    },
    get: (id, offset) => holding.get(starts.get(id)! + offset)!,
  };
  map.put(1, 2, ...textWords('Acme', 16), ...textWords('Sun 5', 16));
  map.put(1, 50, ...textWords('S-0001', 16));
  return map;
}

export function textWords(text: string, size: number): number[] {
  const code = (i: number) => (i < text.length ? text.charCodeAt(i) : 0);
  return Array.from({ length: size }, (_, i) => (code(2 * i) << 8) | code(2 * i + 1));
}

/** 1, 103, 120, 123: 5 kW, producing 2304.5 W, 12,345,678 Wh, steps of 0.01 %. */
export function inverterMap(): TestMap {
  const map = testMap([
    [1, 66],
    [103, 50],
    [120, 26],
    [123, 24],
  ]);
  map.put(103, 14, 23045, -1);
  map.put(103, 24, 12345678 >>> 16, 12345678 & 0xffff, 0);
  map.put(103, 38, 4);
  map.put(120, 3, 500, 1);
  map.put(123, 5, 10000, 0, 0, 0, 0);
  map.put(123, 23, -2);
  return map;
}

/** 1, 124, 802: 10 kWh at 55.5 %, 4 kW either way, resting. */
export function batteryMap(): TestMap {
  const map = testMap([
    [1, 66],
    [124, 24],
    [802, 62],
  ]);
  map.put(124, 2, 4000);
  map.put(124, 5, 0);
  map.put(124, 12, 10000, 10000, 0, 0, 0);
  map.put(124, 18, 0);
  map.put(124, 25, -2);
  map.put(802, 3, 1000, 4000, 4000);
  map.put(802, 11, 5550);
  map.put(802, 16, 6);
  map.put(802, 47, 0);
  map.put(802, 53, 1, 0);
  map.put(802, 56, -2);
  map.put(802, 63, 0);
  return map;
}

/** 1, 203: importing 1234 W; 1000 kWh in, 200 kWh out; 230.1 V; 50.02 Hz. */
export function meterMap(): TestMap {
  const map = testMap([
    [1, 65],
    [203, 105],
  ]);
  map.put(203, 8, 2301);
  map.put(203, 15, -1, 5002, -2, 1234);
  map.put(203, 22, 0);
  map.put(203, 38, 20000 >>> 16, 20000 & 0xffff);
  map.put(203, 46, 100000 >>> 16, 100000 & 0xffff);
  map.put(203, 54, 1);
  return map;
}
