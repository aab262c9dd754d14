/**
 * Rubbish for every reader of what others send, and from a validator that lies: npm run fuzz. Ends with status 1 and
 * the seed where something does not hold.
 */
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { seeded } from '../simulation/random.ts';
import { fuzzDecoders } from './decoders.ts';
import { fuzzFromInside } from './insider.ts';

const { values, whole } = commandOptions(
  'npm run fuzz -- [--seconds N] [--seed N] [--json]',
  () =>
    parseArgs({
      options: {
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const seconds = whole(values.seconds, 'seconds');
const first = whole(values.seed, 'seed', 0);
const DECODED = 2_000;
const SENT = 2_000;

const startedMs = performance.now();
const total = { seeds: 0, decoded: 0, sent: 0, signed: 0, blocks: 0, final: 0, garbage: 0, notAdmitted: 0 };
for (let seed = first; performance.now() - startedMs < seconds * 1_000; seed += 1) {
  try {
    const decoded = fuzzDecoders(seeded(seed), DECODED);
    const inside = await fuzzFromInside(seeded(seed), SENT);
    total.seeds += 1;
    total.decoded += decoded.reduce((sum, { tried }) => sum + tried, 0);
    total.sent += SENT;
    total.signed += inside.signed;
    total.blocks += inside.height;
    total.final += inside.final;
    total.garbage += inside.garbage;
    total.notAdmitted += inside.notAdmitted;
  } catch (error) {
    process.stderr.write(`seed ${seed}: ${error instanceof Error ? error.stack : error}\n`);
    process.stderr.write(`again: npm run fuzz -- --seconds 1 --seed ${seed}\n`);
    process.exit(1);
  }
  if (process.stderr.isTTY) process.stderr.write(`\rseed ${seed}, ${total.decoded + total.sent} tried`);
}
if (process.stderr.isTTY) process.stderr.write('\n');
if (values.json) process.stdout.write(`${JSON.stringify(total)}\n`);
else for (const [name, count] of Object.entries(total)) process.stdout.write(`${name.padEnd(12)} ${count}\n`);
