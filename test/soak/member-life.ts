/**
 * One member of the network, once its process has begun: a ledger node over its own synced store and a real broker, which
 * pays without end and tells over its channel what it was promised and what became of it. Ends with its parent.
 */
import {
  addressOf,
  buildCall,
  contract,
  type LedgerNode,
  openLedgerStore,
  openVoteLog,
  parseGenesis,
  publicKeyOf,
  startNode,
} from '../../consensus/index.ts';
import { connectMqtt } from '../../drivers/index.ts';

export type Job = {
  readonly keyHex: string;
  readonly genesis: string;
  readonly url: string;
  readonly directory: string;
  /** Counts its starts; part of every memo, so that no two calls are alike. */
  readonly life: number;
  /** Calls of its own that wait for their block at any time. */
  readonly callsAtOnce: number;
};

export type Told =
  | {
      readonly kind: 'ready';
      readonly height: number;
      readonly doubt: string | null;
      readonly recovery: string | null;
      /** Since the process began: its modules loaded, store and votes open, the node started. */
      readonly loadedMs: number;
      readonly openedMs: number;
      readonly readyMs: number;
      readonly cpuMs: number;
    }
  /** The node has taken the call: it is on disk, and sent until it is final. */
  | { readonly kind: 'accepted'; readonly memo: string }
  /** The node has told its client that the call is final. */
  | { readonly kind: 'confirmed'; readonly memo: string; readonly height: number }
  | { readonly kind: 'refused'; readonly memo: string; readonly code: string }
  | {
      readonly kind: 'head';
      readonly height: number;
      readonly digest: string;
      readonly pending: number;
      /** How it stands with the agreement: for people, when nothing moves. */
      readonly agreement: string;
    }
  | { readonly kind: 'event'; readonly event: string; readonly reason: string };

export type Asked = 'head' | 'quiet';

const PAUSE_MS = 30;
const TIMING = {
  baseTimeoutMs: 400,
  maxTimeoutMs: 5_000,
  blockIntervalMs: 60,
  allowedSkewMs: 5_000,
  heartbeatMs: 1_000,
};
/** What a node says of itself that must not happen here. */
const UNWANTED = new Set(['node-failed', 'garbage', 'listener-failed', 'final-block-refused']);

const loadedMs = performance.now();

async function live({ keyHex, genesis: text, url, directory, life, callsAtOnce }: Job): Promise<void> {
  const genesis = parseGenesis(text);
  const privateKey = Uint8Array.from(Buffer.from(keyHex, 'hex'));
  const self = addressOf(publicKeyOf(privateKey));
  const log = (entry: { readonly event: string; readonly reason?: unknown }) => {
    if (UNWANTED.has(entry.event)) tell({ kind: 'event', event: entry.event, reason: JSON.stringify(entry) });
  };
  const store = await openLedgerStore({ directory, genesis, contract });
  const voteLog = await openVoteLog(directory, store);
  const openedMs = performance.now();
  const { network } = genesis;
  const transport = connectMqtt({
    brokers: [{ url, protocolVersion: 5, reconnectMsMin: 50, reconnectMsMax: 1_000 }],
    clientId: self,
    network,
    nodeId: self,
    log: () => undefined,
  });
  const node = await startNode({
    genesis,
    contract,
    privateKey,
    store,
    voteLog,
    transport,
    clock: { utcMs: () => Date.now() },
    timing: TIMING,
    log,
    onFailure: () => process.exit(1),
  });
  let quiet = false;
  process.on('message', (asked: Asked) => {
    if (asked === 'quiet') quiet = true;
    if (asked === 'head') {
      const { head } = node;
      const { ownPending: pending, round, connected, poolSize, queueLength, counters } = node.status();
      const agreement = JSON.stringify({
        height: head.height,
        round,
        connected,
        poolSize,
        queueLength,
        ...counters,
      });
      tell({ kind: 'head', height: head.height, digest: head.digest, pending, agreement });
    }
  });
  tell({
    kind: 'ready',
    height: store.head.height,
    doubt: voteLog.doubt?.isFirstStart === false ? voteLog.doubt.reason : null,
    recovery: store.recovery?.reason ?? null,
    loadedMs,
    openedMs,
    readyMs: performance.now(),
    cpuMs: process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000,
  });
  const to = genesis.accounts.map(({ address }) => address).find((address) => address !== self)!;
  let calls = 0;
  const payOn = async () => {
    while (!quiet) {
      calls += 1;
      await pay(node, to, `${self.slice(0, 8)}/${life}/${calls}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, payOn));
}

async function pay(node: LedgerNode, to: string, memo: string): Promise<void> {
  const call = buildCall('accounts.transfer', { to, amountMicro: 1n, memo });
  const submitted = await node.submit({ ...call, expiresMs: Date.now() + 86_400_000 });
  if (!submitted.ok) return tell({ kind: 'refused', memo, code: submitted.code });
  tell({ kind: 'accepted', memo });
  const outcome = await node.whenFinal(submitted.id, { timeoutMs: 3_600_000 });
  if (outcome.ok) tell({ kind: 'confirmed', memo, height: outcome.height });
  else tell({ kind: 'refused', memo, code: outcome.code });
}

function tell(told: Told): void {
  process.send?.(told);
}

process.once('disconnect', () => process.exit(0));
process.once('message', (job) => void live(job as Job));
