import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files of a neighbourhood by name. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

const hours = Array.from({ length: 48 }, (_, i) => {
  const day = i < 24 ? '2017-05-08' : '2017-05-09';
  return `${day}T${String(i % 24).padStart(2, '0')}:00`;
});

function csv(header: string, row: (time: string, hour: number) => string): string {
  return `${[header, ...hours.map((time, i) => row(time, i))].join('\n')}\n`;
}

const sun = (hour: number): number => Math.max(0, 3 * Math.sin(((hour % 24) - 6) * (Math.PI / 12)));

const pricesCsv = csv(
  'time,outdoor_temp_c,retail_import_usd_per_kwh,wholesale_da_usd_per_mwh,carbon_kg_per_kwh',
  (time, hour) =>
    `${time},${15 + (hour % 24) / 4},0.21,${hour === 12 ? -8 : hour === 13 ? 900 : 28.1171},0.1273`,
);

/** Two days, three homes, one file a home; out of order in homes.csv, and home03 has neither PV nor battery. */
export const fileAHome: Files = {
  'homes.csv': `home,source_building,pv_nominal_kw,battery_kwh,battery_kw,battery_roundtrip_eff
home02,Building_2,4,10,5.0,0.81
home01,Building_1,2.5,6.4,5.0,0.9
home03,Building_3,0,0,0,0.9
`,
  'prices.csv': pricesCsv,
  'home01.csv': csv('time,load_kw,pv_kw', (time, hour) => `${time},${1 + hour / 100},${sun(hour)}`),
  'home02.csv': csv('time,load_kw,pv_kw', (time, hour) => `${time},2.5,${sun(hour)}`),
  'home03.csv': csv('time,load_kw,pv_kw', (time) => `${time},14.8,0.0000`),
};

/** The same in one column a home, without the efficiency. */
export const columnAHome: Files = {
  'homes.csv': `home,pv_nominal_kw,battery_kwh,battery_kw,ieee13_bus\nh001,3,6.4,5,634\nh002,8,0,0,634\n`,
  'prices.csv': pricesCsv,
  'load_kw.csv': csv('time,h001,h002', (time, hour) => `${time},0.448,${hour / 10}`),
  'pv_kw.csv': csv('time,h001,h002', (time, hour) => `${time},${sun(hour)},0.5`),
};

/** A directory with the files in it for as long as `use` takes. */
export async function withDirectory<Result>(
  files: Files,
  use: (directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'gridquorum-csv-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
