import { modbusException, type RegisterDevice } from './modbus-server.ts';
import { absentImage, lengthOf, type ModelValues, modelImage, offsetOf } from './register-image.ts';

/** Neighbouring registers of a model that may be written, and what it means. */
export type ControlBlock = {
  readonly model: number;
  readonly firstPoint: string;
  /** What the registers hold now. */
  read(): readonly number[];
  /** Takes the whole block as it would be; 0, or the code of an exception. */
  write(registers: readonly number[]): number;
};

/** What a uint16 holds that has no value. */
export const notImplemented = 0xffff;
const base = 40_000;
const marker = [0x5375, 0x6e53];
const end = [0xffff, 0];

/**
 * A unit that shows SunSpec models one after the other from register 40000 on: marker, models, end. `models`
 * is asked anew for each request. A read or write of anything else is answered with exception 2; a write
 * must lie within one block of control.
 */
export function createSunSpecUnit(options: {
  readonly models: () => readonly ModelValues[];
  readonly controls?: readonly ControlBlock[];
  /** Everything but the common model reads as unimplemented. */
  readonly allAbsent: () => boolean;
}): RegisterDevice {
  const { models, controls = [], allAbsent } = options;
  return {
    read(table, address, count) {
      if (table !== 'holding' || address < base) return modbusException.illegalDataAddress;
      const absent = allAbsent();
      const images = models().map((one) =>
        absent && one.model !== 1 ? absentImage(one.model) : modelImage(one),
      );
      const map = [...marker, ...images.flat(), ...end];
      if (address + count > base + map.length) return modbusException.illegalDataAddress;
      return map.slice(address - base, address - base + count);
    },
    write(address, values) {
      let start = base + marker.length;
      for (const { model } of models()) {
        for (const block of controls) {
          if (block.model !== model) continue;
          const from = address - start - offsetOf(model, block.firstPoint);
          const held = block.read();
          if (from < 0 || from + values.length > held.length) continue;
          return block.write(held.map((register, i) => values[i - from] ?? register));
        }
        start += lengthOf(model);
      }
      return modbusException.illegalDataAddress;
    },
  };
}

export function commonModel(model: string, serial: string): ModelValues {
  return { model: 1, values: { Mn: 'Gridquorum', Md: model, Vr: '1', SN: serial, DA: 1 } };
}

/** A time written as unimplemented stays that. */
export function seconds(point: string, register: number): Record<string, number> {
  return register === notImplemented ? {} : { [point]: register };
}
