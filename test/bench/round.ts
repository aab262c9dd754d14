/**
 * What does the ledger add to a round of trading? 200 homes whose offers one process sends, as soon as a round is open
 * at a validator, to four validators; nobody optimises, so that all of a round's time is the ledger's.
 */
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { machineLine, startCommittee, useCores } from './committee.ts';
import { createReport, quantile, spreadText } from './report.ts';

const GOAL_MS = 1_500;

const { values, whole } = commandOptions(
  'npm run bench:round -- [--homes 200] [--validators 4] [--rounds 15] [--slots 24] [--json]',
  () =>
    parseArgs({
      options: {
        homes: { type: 'string', default: '200' },
        validators: { type: 'string', default: '4' },
        rounds: { type: 'string', default: '15' },
        slots: { type: 'string', default: '24' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const homes = whole(values.homes, 'homes');
const validators = whole(values.validators, 'validators');
const rounds = whole(values.rounds, 'rounds', 3);
const slots = whole(values.slots, 'slots');

type Round = { readonly ms: number; readonly cpuMs: number; readonly blocks: number; readonly bytes: number };

const report = createReport(values);
const machine = machineLine();
report.say(machine);
report.say(`${homes} homes, ${validators} validators, ${slots} slots\n`);
report.figure('machine', machine);
useCores(2);
const measured = await measure();
report.table(
  ['round', 'ms', 'CPU ms of all validators', 'blocks', 'bytes of blocks'],
  measured.map(({ ms, cpuMs, blocks, bytes }, index) => [
    index + 1,
    ms.toFixed(0),
    cpuMs.toFixed(0),
    blocks,
    bytes,
  ]),
);
report.figure('rounds', { homes, validators, slots, rounds: measured });
// The first rounds run code that is still being compiled.
const settled = measured.slice(2).map(({ ms }) => ms);
report.goal(
  `ledger time of a round, ${homes} homes, T=${slots}, n=${validators}`,
  `<= ${GOAL_MS} ms`,
  `${spreadText(settled)} ms, at most ${quantile(settled, 1).toFixed(0)}`,
  quantile(settled, 0.5) <= GOAL_MS,
);
report.end();

async function measure(): Promise<Round[]> {
  const committee = await startCommittee({ validators, homes });
  try {
    const { members } = committee;
    const load = await committee.startLoad();
    const first = members[0]!.ask;
    const id = await load('openSession', { slots, rounds });
    let openedMs = await first('untilRound', { id, round: 1 });
    const found: Round[] = [];
    for (let round = 1; round < rounds; round += 1) {
      const { height } = await first('status', null);
      const cpuBefore = await cpuMs();
      await load('offers', { round });
      const nextMs = await first('untilRound', { id, round: round + 1 });
      const blocks = await first('blocks', height);
      const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
      found.push({ ms: nextMs - openedMs, cpuMs: (await cpuMs()) - cpuBefore, blocks: blocks.length, bytes });
      // What was asked for meanwhile is no part of the next round.
      openedMs = Date.now();
    }
    return found;

    async function cpuMs(): Promise<number> {
      const used = await Promise.all(members.map(({ ask }) => ask('usage', { collect: false })));
      return used.reduce((sum, usage) => sum + usage.cpuMs, 0);
    }
  } finally {
    await committee.stop();
  }
}
