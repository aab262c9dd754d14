import { loadConfig } from '../config/load.ts';
import type { CommitteeAnswer } from '../diagnostics/committee-answer.ts';
import { askLocalApi } from '../diagnostics/local-api.ts';
import { type Fact, legibleJson, lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, CommitteeOptions } from './actions.ts';

/** Tells who seals the ledger, and what is being voted on. */
export async function committee({ configFile, json }: CommitteeOptions, io: CliIo): Promise<void> {
  const { directory } = await loadConfig(configFile);
  const answer = (await askLocalApi(directory, '/committee')) as CommitteeAnswer;
  tellCommittee(answer, { json }, io);
}

/** The committee as it stands, as JSON or for people. */
export function tellCommittee(
  answer: CommitteeAnswer,
  { json }: { readonly json: boolean },
  io: CliIo,
): void {
  if (json) {
    io.stdout.write(`${legibleJson(JSON.stringify(answer))}\n`);
    return;
  }
  const { validators, quorum, changedHeight, motions, majority, epochEndsHeight } = answer;
  const canFail = validators.length - quorum;
  const facts: Fact[] = [
    ...validators.map(({ address }, index) => ({ label: index === 0 ? 'validators' : '', value: address })),
    { label: 'a block needs', value: `${quorum} of ${validators.length} seals` },
    {
      label: 'can be missing',
      value: canFail === 0 ? 'none: a single one that stops stops the ledger' : String(canFail),
      mood: canFail === 0 ? 'bad' : undefined,
    },
    { label: 'changed last', value: changedHeight === 0 ? 'never' : `in block ${changedHeight}` },
    ...motions.map(({ motion, target, signers }, index) => ({
      label: index === 0 ? 'voted on' : '',
      value: `${motion} ${target}: ${signers.length} of ${majority} votes needed`,
    })),
    ...(motions.length > 0 ? [{ label: 'votes stand until', value: `block ${epochEndsHeight}` }] : []),
  ];
  io.stdout.write(
    `${renderFacts(`Committee at block ${answer.height}`, facts, lookOf(io.stdout, io.env))}\n`,
  );
}
