/**
 * One validator of a benchmark, once its process has begun: the ledger's node with its store and its record of votes on a
 * real disk, and a broker between it and the others. The parent asks (`ValidatorAnswers`); it ends with its parent.
 */
import {
  addressOf,
  buildCall,
  contract,
  type NodeTiming,
  openLedgerStore,
  openVoteLog,
  parseGenesis,
  publicKeyOf,
  readSession,
  startNode,
} from '../../consensus/index.ts';
import { connectMqtt } from '../../drivers/index.ts';
import { answerWith } from './asking.ts';
import { LIFETIME_MS } from './load-plan.ts';

export type ValidatorJob = {
  readonly privateKey: Uint8Array;
  readonly genesis: string;
  readonly url: string;
  readonly directory: string;
  readonly timing: NodeTiming;
};

/** A block as this validator saw it become final. `atMs`: UTC; `bytes`: with its certificate, as it is stored. */
export type SeenBlock = {
  readonly height: number;
  readonly atMs: number;
  readonly transactions: number;
  readonly bytes: number;
  /** From when each reading of the load process was due to be sent; none for other transactions. */
  readonly latenciesMs: readonly number[];
};

export type Usage = { readonly cpuMs: number; readonly rssBytes: number; readonly heapBytes: number };

export type ValidatorAnswers = {
  /** Resolves once the broker is connected. */
  start(job: ValidatorJob): Promise<void>;
  /** Pays another validator: from `submit` here to final here, in ms. */
  pay(count: number): Promise<number>;
  /** Pays in lots, each once the one before is final; in ms for all of them. */
  payInLots(plan: { readonly lots: number; readonly each: number }): Promise<number>;
  /** Pays one after the other, with a pause in between, to the end of the process. */
  keepPaying(pauseMs: number): void;
  /** Blocks above a height, oldest first: of the last `SEEN_MAX`. */
  blocks(aboveHeight: number): Promise<readonly SeenBlock[]>;
  /** When a session's round was open here: UTC in ms. */
  untilRound(session: { readonly id: string; readonly round: number }): Promise<number>;
  status(argument: null): {
    readonly height: number;
    readonly transactions: number;
    readonly poolSize: number;
    readonly round: number;
    readonly queueLength: number;
  };
  /** `collect` runs the garbage collector before, where Node was started with it. */
  usage(options: { readonly collect: boolean }): Usage;
};

const SEEN_MAX = 2_000;
const seen: Omit<SeenBlock, 'bytes'>[] = [];
let parts: Awaited<ReturnType<typeof open>> | null = null;
let transactions = 0;
let paid = 0;

async function open({ privateKey, genesis: text, url, directory, timing }: ValidatorJob) {
  const genesis = parseGenesis(text);
  const nodeId = addressOf(publicKeyOf(privateKey));
  const store = await openLedgerStore({ directory, genesis, contract });
  const voteLog = await openVoteLog(directory, store);
  const log = () => undefined;
  const transport = connectMqtt({
    brokers: [{ url, protocolVersion: 5 }],
    ...{ network: genesis.network, nodeId, clientId: nodeId, log },
    sessionSeconds: 0,
  });
  const clock = { utcMs: () => Date.now() };
  const onFailure = (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  };
  const node = await startNode({
    ...{ genesis, contract, privateKey, store, voteLog, transport, clock, timing, log, onFailure },
  });
  node.onBlock(({ header, transactions: held }) => {
    const atMs = Date.now();
    transactions += held.length;
    const readings = held.filter(({ method }) => method === 'metering.record');
    const latenciesMs = readings.map(({ expiresMs }) => atMs - (expiresMs - LIFETIME_MS));
    seen.push({ height: header.height, atMs, transactions: held.length, latenciesMs });
    if (seen.length > SEEN_MAX) seen.splice(0, SEEN_MAX / 2);
  });
  const payee = genesis.accounts.find(({ address }) => address !== nodeId)!.address;
  return { node, store, voteLog, transport, payee };
}

const opened = () => {
  if (parts === null) throw new Error('not started');
  return parts;
};

async function pay(): Promise<void> {
  const { node, payee } = opened();
  paid += 1;
  const call = buildCall('accounts.transfer', { to: payee, amountMicro: 1n, memo: `${paid}` });
  const submitted = await node.submit({ ...call, expiresMs: Date.now() + 3_600_000 });
  if (!submitted.ok) throw new Error(`${submitted.code}: ${submitted.reason}`);
  const outcome = await node.whenFinal(submitted.id, { timeoutMs: 600_000 });
  if (!outcome.ok) throw new Error(outcome.code);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const answers: ValidatorAnswers = {
  async start(job) {
    parts = await open(job);
    while (!parts.transport.connected) await pause(5);
  },
  async pay(count) {
    const begun = performance.now();
    await Promise.all(Array.from({ length: count }, pay));
    return performance.now() - begun;
  },
  async payInLots({ lots, each }) {
    const begun = performance.now();
    for (let lot = 0; lot < lots; lot += 1) await Promise.all(Array.from({ length: each }, pay));
    return performance.now() - begun;
  },
  keepPaying(pauseMs) {
    const run = async () => {
      for (;;) {
        await pay();
        await pause(pauseMs);
      }
    };
    void run();
  },
  async blocks(aboveHeight) {
    const found = seen.filter(({ height }) => height > aboveHeight);
    return Promise.all(
      found.map(async (block) => {
        const read = await opened().store.readEncodedBlock(block.height);
        return { ...block, bytes: read.ok ? read.found.length : 0 };
      }),
    );
  },
  untilRound({ id, round }) {
    const { node } = opened();
    const isOpen = () => (readSession(node.head.state, id)?.round ?? 0) >= round;
    if (isOpen()) return Promise.resolve(Date.now());
    return new Promise((resolve) => {
      const end = node.onBlock(() => {
        if (!isOpen()) return;
        end();
        resolve(Date.now());
      });
    });
  },
  status() {
    const { height, poolSize, round, queueLength } = opened().node.status();
    return { height, poolSize, round, queueLength, transactions };
  },
  usage({ collect }) {
    if (collect) (globalThis as { gc?: () => void }).gc?.();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return { cpuMs: (user + system) / 1_000, rssBytes: rss, heapBytes: heapUsed };
  },
};

answerWith(answers);
process.once('disconnect', () => process.exit(0));
