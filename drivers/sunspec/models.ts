import { readFileSync } from 'node:fs';
import { type RegisterType, registersOf } from '../modbus/registers.ts';

/** One point of a model. `offset` counts registers from the model's ID register. */
export type Point = {
  readonly name: string;
  readonly offset: number;
  readonly type: RegisterType;
  /** Registers of a string. */
  readonly size?: number;
  /** The point that holds the decimal exponent, or the exponent itself. */
  readonly sf?: string | number;
  readonly unit?: string;
  readonly access?: 'RW';
  /** Name to code of an enum, name to bit of a bitfield. */
  readonly symbols?: Readonly<Record<string, number>>;
};

export type Model = {
  readonly id: number;
  readonly name: string;
  /** What the length register must say: registers after it. */
  readonly length: number;
  readonly points: ReadonlyMap<string, Point>;
};

type Table = {
  readonly baseAddresses: readonly number[];
  readonly models: Readonly<Record<string, { name: string; length: number; points: readonly Point[] }>>;
};

const table = JSON.parse(readFileSync(new URL('./models.json', import.meta.url), 'utf8')) as Table;

/** Where a map may begin, most usual first. */
export const baseAddresses: readonly number[] = table.baseAddresses;

const models: ReadonlyMap<number, Model> = new Map(
  Object.entries(table.models).map(([id, { name, length, points }]) => [
    Number(id),
    { id: Number(id), name, length, points: new Map(points.map((point) => [point.name, point])) },
  ]),
);

/** The table of a model, if it is among those used here (the JSON beside this file lists them). */
export function modelOf(id: number): Model | undefined {
  return models.get(id);
}

/** The first register after the point, counted as its offset. */
export function endOf(point: Point): number {
  return point.offset + registersOf(point.type, point.size);
}
