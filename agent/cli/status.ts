import type { BrokerStatus } from '../../drivers/index.ts';
import type { ClockStanding } from '../clock/clock.ts';
import { loadConfig } from '../config/load.ts';
import { askLocalApi } from '../diagnostics/local-api.ts';
import type { AgentStatus } from '../diagnostics/status.ts';
import { legibleJson, lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, StatusOptions } from './actions.ts';

/** Asks the agent that runs with this configuration how it is. */
export async function status({ configFile, json }: StatusOptions, io: CliIo): Promise<void> {
  const { directory } = await loadConfig(configFile);
  const answer = (await askLocalApi(directory, '/status')) as AgentStatus;
  if (json) {
    io.stdout.write(`${legibleJson(JSON.stringify(answer))}\n`);
    return;
  }
  const { ledger, devices, brokers } = answer;
  const facts = [
    { label: 'address', value: answer.address },
    { label: 'time', value: new Date(answer.utcMs).toISOString() },
    ...clockFacts(answer),
    {
      label: 'phase',
      value: answer.slot === undefined ? answer.phase : `${answer.phase}, slot ${answer.slot}`,
    },
    ...brokers.map((broker) => ({
      label: 'broker',
      value: brokerWords(broker),
      mood: mood(broker.connected),
    })),
    { label: 'height', value: heightWords(ledger) },
    { label: 'state root', value: ledger.stateRoot },
    {
      label: 'validator',
      value: ledger.validator
        ? ledger.votesInDoubt
          ? `yes, but signs nothing: its votes are in doubt (${ledger.doubt})`
          : 'yes'
        : 'no',
      ...(ledger.validator && { mood: mood(!ledger.votesInDoubt) }),
    },
    ...(ledger.failed
      ? [{ label: 'ledger', value: 'failed: the agent is ending; its log says why', mood: mood(false) }]
      : []),
    ...refusedFacts(ledger),
    ...answer.mended.map((value) => ({ label: 'mended', value, mood: 'bad' as const })),
    ...(ledger.keyIsKnown
      ? []
      : [{ label: 'key', value: 'not the one that the ledger names: nothing is signed', mood: mood(false) }]),
    ...(ledger.keyIsChanging
      ? [{ label: 'key', value: 'its change is not final: gridquorum keys rotate', mood: mood(false) }]
      : []),
    ...devices.map(({ id, fault }) => ({
      label: id,
      value: fault ?? 'answers',
      mood: mood(fault === undefined),
    })),
  ];
  io.stdout.write(`${renderFacts(answer.home, facts, lookOf(io.stdout, io.env))}\n`);
}

/** Nothing where there is nothing to tell: a clock that agrees with the chain is no news. */
function clockFacts({ clock }: AgentStatus) {
  if (clock === undefined || (clock.proven && clock.leapMs === 0)) return [];
  const words = [
    ...(clock.leapMs === 0
      ? []
      : [`the computer's clock has leapt ${leapWords(clock.leapMs)}, and is not followed`]),
    ...(clock.proven ? [] : [unprovenWords(clock)]),
  ];
  return [{ label: 'clock', value: words.join('; '), mood: mood(false) }];
}

/** Whoever alone refuses what the others take should look at its clock. */
function refusedFacts({ refusedProposals: { count, lastReason } }: AgentStatus['ledger']) {
  if (count === 0) return [];
  return [
    { label: 'refused', value: `${count} proposed blocks, the last: ${lastReason}`, mood: mood(false) },
  ];
}

/** Ahead may also mean that the chain has been quiet. */
const unprovenWords = ({ aheadOfChainMs: aheadMs, disproven }: ClockStanding) =>
  disproven
    ? `${secondsOf(Math.abs(aheadMs))} ${aheadMs < 0 ? 'behind' : 'ahead of'} the chain: set it; until then the devices are left to themselves, and no slot is ended`
    : `${secondsOf(aheadMs)} ahead of the newest block: is it right? No slot is ended until a block bears it out`;

const leapWords = (ms: number) => `${secondsOf(Math.abs(ms))} ${ms < 0 ? 'back' : 'ahead'}`;

const secondsOf = (ms: number) => `${Math.round(ms / 1_000)} s`;

function heightWords({ height, sync }: AgentStatus['ledger']): string {
  const { targetHeight, firstHeight, catchingUp, snapshot } = sync;
  return [
    String(height),
    ...(targetHeight > height ? [`of ${targetHeight}`] : []),
    ...(catchingUp ? ['catching up'] : []),
    ...(snapshot === null
      ? []
      : snapshot.parts === 0
        ? ['looking for a snapshot']
        : [`fetching the snapshot at ${snapshot.height}: ${snapshot.partsHere} of ${snapshot.parts} parts`]),
    ...(firstHeight > 1 ? [`blocks kept from ${firstHeight} on`] : []),
  ].join(', ');
}

function brokerWords({ url, connected, sinceMs, problem, pending, counters }: BrokerStatus): string {
  const since = new Date(sinceMs).toISOString().slice(0, 'YYYY-MM-DDThh:mm:ss'.length);
  const dropped = counters.dropped + counters.expired;
  return [
    `${url} ${connected ? 'connected' : 'not reached'} since ${since}Z`,
    ...(pending > 0 ? [`${pending} waiting`] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    ...(problem === undefined ? [] : [`${problem.reason} [${problem.code}]`]),
  ].join('; ');
}

const mood = (good: boolean) => (good ? 'good' : 'bad') as 'good' | 'bad';
