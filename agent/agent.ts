import { contract, type LedgerStore, openVoteLog, startNode, type VoteLog } from '../consensus/index.ts';
import { connectMqtt, type MqttTransport } from '../drivers/index.ts';
import type { Abortable } from './bounded-file.ts';
import type { Clock } from './clock/clock.ts';
import { followClock } from './clock/follow.ts';
import { hearTime } from './clock/hear.ts';
import { simulatedClock } from './clock/simulated.ts';
import { type SystemClock, systemClock } from './clock/system.ts';
import { checkDay, loadConfig, loadDay } from './config/load.ts';
import type { AgentConfig } from './config/schema.ts';
import { runDay } from './cycle/day.ts';
import { openDevices } from './devices.ts';
import { committeeAnswer } from './diagnostics/committee-answer.ts';
import { startLocalApi } from './diagnostics/local-api.ts';
import { problemAnswer } from './diagnostics/problem-answer.ts';
import { proofAnswer } from './diagnostics/proof-answer.ts';
import { sessionAnswer } from './diagnostics/session-answer.ts';
import { statusOf } from './diagnostics/status.ts';
import { AgentError } from './errors.ts';
import { openForecasterFile } from './forecaster-file.ts';
import type { Home } from './home.ts';
import { openJournal } from './journal.ts';
import { jsonLog, type Log } from './log.ts';
import { loadOptimizerLibrary } from './optimizer-library.ts';
import { openOwnKey, parseRotation } from './own-key.ts';
import { openOwnStore, readGenesis } from './own-store.ts';
import { openSession } from './roles/aggregator.ts';
import { qualifyDevices } from './roles/dso.ts';
import { castVote } from './roles/validator.ts';
import { together } from './together.ts';

export type Agent = {
  readonly home: Home;
  /** Resolves when the day is over; rejects when it cannot be lived to its end. */
  readonly day: Promise<void>;
  /** Rejects when the node has stopped for good, during the day or after it: there is nothing left to go on with. */
  readonly failure: Promise<never>;
  /** Lets devices go, finishes what is being written, and closes. Safe to call twice. */
  stop(): Promise<void>;
};

/**
 * Starts one home: ledger first, then devices, then the day. Nothing runs before the configuration has been
 * checked as a whole; what was started is stopped again when a later part cannot start.
 *
 * @throws AgentError, ConsensusError or DriversError, each with its code; AGENT_ABORTED where `signal` fires while a file
 * is waited for: nothing has been started by then.
 */
export async function startAgent(
  configFile: string,
  write: (line: string) => void,
  abortable?: Abortable,
): Promise<Agent> {
  const config = await loadConfig(configFile, abortable);
  const day = await loadDay(config.dayFile, abortable);
  const genesis = await readGenesis(config, abortable);
  checkDay(config, day, genesis);
  const ownKey = await openOwnKey(config);
  const { privateKey, address } = ownKey.current;
  const log = jsonLog(write, { level: config.logLevel, fields: { home: config.home } });
  const library = await loadOptimizerLibrary();

  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      // What cannot be closed must not keep the rest open.
      await closer().catch((error) => log({ event: 'closing-failed', level: 'error', error }));
    }
  };
  const stopping = new AbortController();
  try {
    const store = await openOwnStore(config, genesis);
    closers.push(() => store.close());
    const voteLog = await openVoteLog(config.directory, store);
    closers.push(() => voteLog.close());
    const mended: string[] = [];
    const tellMended = (event: string, reason: string) => {
      mended.push(reason);
      log({ event, level: 'warn', reason });
    };
    for (const reason of ledgerTroubles(store, voteLog)) tellMended('ledger-mended', reason);
    if (ownKey.doubt !== undefined) tellMended('next-key-in-doubt', ownKey.doubt);
    const journalFile = await openJournal(config.directory);
    if (journalFile.found.doubt !== undefined) tellMended('journal-in-doubt', journalFile.found.doubt);

    const forecasterFile = await openForecasterFile(config.directory, {
      slotMs: day.slotMs,
      startMs: day.startMs,
      endMs: day.startMs + day.importPricePerKwh.length * day.slotMs,
      ...(config.location && { location: config.location }),
    });
    if (forecasterFile.found.doubt !== undefined)
      tellMended('forecaster-in-doubt', forecasterFile.found.doubt);

    const transport = connect(config, { network: genesis.network, address, log });
    closers.push(() => transport.stop());
    const held = config.clock.kind === 'system' ? heldClock(config, { slotMs: day.slotMs, log }) : undefined;
    if (held !== undefined) hearTime(held, store.head, { self: address, isNew: false });
    const clock = held ?? followedClock(config, { transport, network: genesis.network, log });
    let halt: (error: unknown) => void = () => undefined;
    const failure = new Promise<never>((_, reject) => {
      halt = reject;
    });
    // Whoever runs the agent sees it; until then it is no unhandled rejection.
    failure.catch(() => undefined);
    const node = await startNode({
      genesis,
      contract,
      privateKey,
      ...(ownKey.next && { nextPrivateKey: ownKey.next.privateKey }),
      address,
      store,
      voteLog,
      transport,
      clock,
      timing: config.timing,
      log,
      onFailure: (error) => halt(error),
      ...keptBlocks(config),
    });
    closers.push(() => node.stop());
    const settleKey = () => {
      ownKey.settle(node).catch((error) => log({ event: 'key-not-settled', level: 'error', error }));
    };
    settleKey();
    node.onHead(settleKey);
    if (held !== undefined)
      node.onHead(() => hearTime(held, node.head, { self: address, isNew: !node.isCatchingUp() }));
    const devices = openDevices(config.devices, { clock, log });
    closers.push(() => devices.close());

    const home: Home = {
      config,
      address,
      day,
      clock,
      node,
      keyIsChanging: ownKey.isChanging,
      devices,
      brokers: () => transport.brokers,
      library,
      journalFile,
      forecasterFile,
      log,
      mended,
      state: {
        phase: 'registering',
        handedOver: new Set(),
        journal: journalFile.found.journal ?? { day: day.day, untold: [], realised: [] },
        forecaster: forecasterFile.found.forecaster,
      },
    };
    const api = await startLocalApi(
      config.directory,
      {
        tell: {
          '/status': () => statusOf(home),
          '/session': () => sessionAnswer(home),
          '/problem': () => problemAnswer(home),
          '/committee': () => committeeAnswer(home),
        },
        act: {
          '/vote': (asked) => castVote(home, asked),
          '/rotate-key': async (asked) => {
            parseRotation(asked);
            return ownKey.rotate(home);
          },
          '/prove': (asked) => proofAnswer(store, asked),
        },
      },
      log,
    );
    closers.push(() => api.stop());

    const work = together(stopping.signal, [
      (signal) => runDay(home, signal),
      ...rolesOf(home, genesis.accounts),
    ]);
    return {
      home,
      day: work,
      failure,
      stop: async () => {
        stopping.abort();
        await work.catch(() => undefined);
        await close();
      },
    };
  } catch (error) {
    stopping.abort();
    await close();
    log({ event: 'stopped', level: 'error', reason: 'failure', error });
    throw error;
  }
}

/** What the store or the record of votes had lost when they were opened. */
function ledgerTroubles(store: LedgerStore, voteLog: VoteLog): string[] {
  const troubles: string[] = [];
  const { recovery, head } = store;
  if (recovery !== null)
    troubles.push(
      `the ledger was damaged (${recovery.reason}) and rebuilt to height ${recovery.height} (${recovery.endedBecause}); the others give what is above`,
    );
  if (voteLog.ledgerLost !== null)
    troubles.push(
      `the ledger ends at height ${head.height}, and this node has voted at ${voteLog.ledgerLost}: blocks between were lost; the others give them`,
    );
  return troubles;
}

/** A meter's flash is small, and what it needs is in the state; who answers for a network keeps what happened. */
const KEEP_DAYS = 35;

function keptBlocks({ storage, roles }: AgentConfig): { readonly keepBlocksMs?: number } {
  const answersForAll = roles.includes('aggregator') || roles.includes('dso');
  const keepDays = storage.keepDays ?? (answersForAll ? 'all' : KEEP_DAYS);
  return keepDays === 'all' ? {} : { keepBlocksMs: keepDays * 86_400_000 };
}

function rolesOf(
  home: Home,
  accounts: readonly { readonly address: string; readonly roles: readonly string[] }[],
): ((signal: AbortSignal) => Promise<void>)[] {
  const quiet = (work: Promise<void>) =>
    work.catch((error) => {
      if (!(error instanceof AgentError && error.code === 'AGENT_ABORTED')) throw error;
    });
  const prosumers = accounts.filter(({ roles }) => roles.includes('prosumer')).map(({ address }) => address);
  const { roles } = home.config;
  return [
    ...(roles.includes('dso')
      ? [(signal: AbortSignal) => quiet(qualifyDevices(home, prosumers, signal))]
      : []),
    ...(roles.includes('aggregator') ? [(signal: AbortSignal) => quiet(openSession(home, signal))] : []),
  ];
}

/** With the brokers a home goes by its address: that is what its signatures prove. */
function connect(
  { brokers }: AgentConfig,
  { network, address, log }: { network: string; address: string; log: Log },
): MqttTransport {
  return connectMqtt({ brokers, clientId: `${network}-${address}`, network, nodeId: address, log });
}

/** Of a slot: by how much the clock may differ from the chain's time before it is doubted. */
const CLOCK_TOLERANCE_SHARE = 0.1;

/** The computer's clock, held against the chain's time as it is heard. */
function heldClock({ timing }: AgentConfig, { slotMs, log }: { slotMs: number; log: Log }): SystemClock {
  return systemClock({
    toleranceMs: timing.allowedSkewMs + CLOCK_TOLERANCE_SHARE * slotMs,
    onLeap: ({ byMs, followed }) =>
      log({ event: followed ? 'clock-set' : 'clock-leapt', level: 'warn', byMs }),
  });
}

function followedClock(
  { clock }: AgentConfig,
  { transport, network, log }: { transport: MqttTransport; network: string; log: Log },
): Clock {
  const simulated = simulatedClock(clock.kind === 'simulated' ? clock.startMs : 0);
  followClock(simulated, { transport, network, log });
  return simulated;
}
