import { loadConfig } from '../config/load.ts';
import { askLocalApi } from '../diagnostics/local-api.ts';
import type { AgentStatus } from '../diagnostics/status.ts';
import { lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, StatusOptions } from './actions.ts';

/** Asks the agent that runs with this configuration how it is. */
export async function status({ configFile, json }: StatusOptions, io: CliIo): Promise<void> {
  const { directory } = await loadConfig(configFile);
  const answer = (await askLocalApi(directory, '/status')) as AgentStatus;
  if (json) {
    io.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  const { ledger, devices } = answer;
  const facts = [
    { label: 'address', value: answer.address },
    { label: 'time', value: new Date(answer.utcMs).toISOString() },
    {
      label: 'phase',
      value: answer.slot === undefined ? answer.phase : `${answer.phase}, slot ${answer.slot}`,
    },
    { label: 'broker', value: ledger.connected ? 'connected' : 'not reached', mood: mood(ledger.connected) },
    { label: 'height', value: String(ledger.height) },
    { label: 'state root', value: ledger.stateRoot },
    {
      label: 'validator',
      value: ledger.validator
        ? ledger.votesInDoubt
          ? 'yes, but signs nothing: its votes are in doubt'
          : 'yes'
        : 'no',
      ...(ledger.validator && { mood: mood(!ledger.votesInDoubt) }),
    },
    ...devices.map(({ id, fault }) => ({
      label: id,
      value: fault ?? 'answers',
      mood: mood(fault === undefined),
    })),
  ];
  io.stdout.write(`${renderFacts(answer.home, facts, lookOf(io.stdout, io.env))}\n`);
}

const mood = (good: boolean) => (good ? 'good' : 'bad') as 'good' | 'bad';
