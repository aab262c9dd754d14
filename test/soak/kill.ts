/** Kills validators under load, and tells what it cost: `npm run soak:kill`. */
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { soakKill } from './kill-soak.ts';

const { values, whole } = commandOptions(
  'npm run soak:kill -- [--kills N] [--validators N] [--seed N] [--json]',
  () =>
    parseArgs({
      options: {
        kills: { type: 'string', default: '500' },
        validators: { type: 'string', default: '4' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const report = await soakKill({
  kills: whole(values.kills, 'kills'),
  validators: whole(values.validators, 'validators'),
  seed: whole(values.seed, 'seed', 0),
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
if (values.json) console.log(JSON.stringify(report));
else {
  const { faults, ...counts } = report;
  for (const [name, count] of Object.entries(counts)) console.log(`${name.padEnd(16)} ${count}`);
  for (const fault of faults) console.log(`fault            ${fault}`);
}
const { lost, doubleSigned, unkept, faults } = report;
process.exitCode = lost + doubleSigned + unkept + faults.length > 0 ? 1 : 0;
