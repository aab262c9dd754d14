import { parseArgs } from 'node:util';
import * as core from '../../consensus/protocol/index.ts';
import { commandOptions } from '../command-options.ts';
import { simulate } from './simulation.ts';

const { values, whole } = commandOptions(
  'npm run sim -- [--seeds N] [--from SEED]',
  () =>
    parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        from: { type: 'string', default: '1' },
      },
    }).values,
);
const seeds = whole(values.seeds, 'seeds');
const from = whole(values.from, 'from', 0);

const started = process.cpuUsage();
let failures = 0;
let deliveries = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const outcome = simulate(core, seed);
  if (outcome.ok) {
    deliveries += outcome.deliveries;
    continue;
  }
  failures += 1;
  console.log(`seed ${seed}: ${outcome.violation}\n  replay: npm run sim -- --seeds 1 --from ${seed}`);
}
const { user, system } = process.cpuUsage(started);
const cpuSeconds = (user + system) / 1e6;
console.log(`${seeds} seeds, ${deliveries} deliveries, ${failures} failures, ${cpuSeconds.toFixed(1)} CPU s`);
process.exitCode = failures > 0 ? 1 : 0;
