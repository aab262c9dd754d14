/**
 * How fast is the agreement, how much does it carry, and how soon does it come back? Validators in processes of their
 * own that meet only through a real Mosquitto, every vote and block synced to disk.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { machineLine, useCores } from './committee.ts';
import { measureFinality } from './consensus-finality.ts';
import { measureLoad } from './consensus-load.ts';
import { measureLots } from './consensus-lots.ts';
import { measureKilled, measureOutage } from './consensus-outage.ts';
import { createReport } from './report.ts';

const PARTS = ['finality', 'lots', 'load', 'outage', 'killed'] as const;

const { values, whole, wholes, wrong } = commandOptions(
  'npm run bench:consensus -- [--validators N] [--seconds N] [--repeats N] [--parts finality,lots,load,outage,killed] ' +
    '[--rates 500,750] [--outages 40,120] [--json]',
  () =>
    parseArgs({
      options: {
        validators: { type: 'string' },
        seconds: { type: 'string', default: '20' },
        repeats: { type: 'string', default: '5' },
        parts: { type: 'string', default: PARTS.join(',') },
        rates: { type: 'string', default: '250,500,600,700,800,1000' },
        outages: { type: 'string', default: '40,120' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const parts = values.parts.split(',').map((name) => {
  return PARTS.find((part) => part === name) ?? wrong(`--parts knows no '${name}'.`);
});
const validators = values.validators === undefined ? 4 : whole(values.validators, 'validators');
const seconds = whole(values.seconds, 'seconds');
const repeats = whole(values.repeats, 'repeats');
const outages = wholes(values.outages, 'outages');
const rates = wholes(values.rates, 'rates');

const report = createReport(values);
const machine = machineLine();
report.say(machine);
report.figure('machine', machine);
/** The boards that this is for have two or more; more here would flatter. */
const cores = Math.min(2, availableParallelism());
useCores(cores);
for (const part of parts) {
  switch (part) {
    case 'finality':
      await measureFinality(report, { validators, repeats });
      break;
    case 'lots':
      await measureLots(report, {
        validators: values.validators === undefined ? [1, 2, 3, 4, 5, 7, 10] : [validators],
        cores: cores === 2 ? [1, 2] : [1],
        repeats,
      });
      break;
    case 'load':
      await measureLoad(report, { validators, rates, seconds });
      break;
    case 'outage':
      await measureOutage(report, { seconds: outages });
      break;
    case 'killed':
      await measureKilled(report, { seconds });
      break;
    default:
      part satisfies never;
  }
}
report.end();
