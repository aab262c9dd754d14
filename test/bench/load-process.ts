/**
 * The homes of a benchmark, in one process: signs their readings beforehand and sends them when they are due, over a
 * broker, as meters would. It knows nothing of the blocks: the validators tell what became of its transactions.
 */
import { encodeTransaction, genesisHash, signTransaction } from '../../consensus/chain/index.ts';
import {
  type Address,
  type ArgumentsOf,
  addressOf,
  buildCall,
  type MethodName,
  parseGenesis,
  publicKeyOf,
} from '../../consensus/index.ts';
import { encodeEnvelope, WIRE_LIMITS } from '../../consensus/network/index.ts';
import { connectMqtt, type MqttTransport } from '../../drivers/index.ts';
import { answerWith } from './asking.ts';
import { benchKey, HOMES_PER_OPERATOR, LIFETIME_MS, SLOT_MS } from './load-plan.ts';

export type LoadAnswers = {
  start(job: { readonly genesis: string; readonly url: string; readonly homes: number }): Promise<void>;
  /** Every home registers a meter. Says how many transactions that took. */
  registerMeters(argument: null): Promise<number>;
  /** Operators qualify the meters, once they are registered. */
  qualifyMeters(argument: null): Promise<number>;
  /**
   * Readings of so many homes, one a second each, evenly over the second; from a whole second on, or as soon as all
   * are signed. Says how many it sent.
   */
  readings(plan: {
    readonly homes: number;
    readonly seconds: number;
    readonly fromMs?: number;
  }): Promise<number>;
  /** Opens a session that no tolerance ends, and signs all offers of its rounds. Returns its name. */
  openSession(plan: { readonly slots: number; readonly rounds: number }): string;
  /** Sends every home's offer of a round. */
  offers(plan: { readonly round: number }): void;
};

/** A session's slots begin so long after it opens, and are made of so many settlement slots. */
const SESSION_LEAD_MS = 3_600_000;
const SESSION_SLOT_MS = 60 * SLOT_MS;

/** The turns in a second: what falls due together leaves together, as from a data concentrator. */
const TICKS = 20;

type Sender = {
  readonly address: Address;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  nonce: number;
};
type Due = { readonly atMs: number; readonly transactions: readonly Uint8Array[] };

let genesis = '';
let transport: MqttTransport;
let homes: readonly Sender[] = [];
let operators: readonly Sender[] = [];
/** Of the session, by round from 1. */
let offers: readonly (readonly Uint8Array[])[] = [];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function senderOf(kind: 'home' | 'operator', index: number): Sender {
  const privateKey = benchKey(kind, index);
  const publicKey = publicKeyOf(privateKey);
  return { address: addressOf(publicKey), privateKey, publicKey, nonce: 0 };
}

function signed<M extends MethodName>(
  sender: Sender,
  method: M,
  args: ArgumentsOf<M>,
  atMs: number,
): Uint8Array {
  const { address, nonce, privateKey, publicKey } = sender;
  const call = buildCall(method, args);
  const content = { genesis, sender: address, nonce, ...call, expiresMs: atMs + LIFETIME_MS };
  sender.nonce += 1;
  return encodeTransaction(signTransaction(content, privateKey, publicKey));
}

function send(transactions: readonly Uint8Array[]): void {
  for (let from = 0; from < transactions.length; from += WIRE_LIMITS.transactions) {
    const batch = transactions.slice(from, from + WIRE_LIMITS.transactions);
    const payload = encodeEnvelope({ channel: 'transaction', transactions: batch });
    if (!transport.publish({ channel: 'transaction', payload }))
      throw new Error('the outbox of the homes is full');
  }
}

/** No faster than any machine can take: this is not what is measured. */
async function sendSlowly(transactions: readonly Uint8Array[]): Promise<void> {
  for (let from = 0; from < transactions.length; from += 20) {
    send(transactions.slice(from, from + 20));
    await pause(100);
  }
}

function meterId(index: number): string {
  return index.toString(16).padStart(64, '0');
}

function readingsOf(count: number, fromMs: number, second: number): Due[] {
  const due: Due[] = [];
  for (let tick = 0; tick < TICKS; tick += 1) {
    const atMs = fromMs + second * 1_000 + (tick * 1_000) / TICKS;
    const slotStartMs = Math.floor(atMs / SLOT_MS) * SLOT_MS - SLOT_MS;
    const slice = homes.slice((tick * count) / TICKS, ((tick + 1) * count) / TICKS);
    const transactions = slice.map((home, index) =>
      signed(
        home,
        'metering.record',
        { slotStartMs, importWs: BigInt(400 + (index % 50)), exportWs: 0n, leavesRoot: '5e'.repeat(32) },
        atMs,
      ),
    );
    due.push({ atMs, transactions });
  }
  return due;
}

const answers: LoadAnswers = {
  async start(job) {
    const parsed = parseGenesis(job.genesis);
    genesis = genesisHash(parsed);
    homes = Array.from({ length: job.homes }, (_, index) => senderOf('home', index));
    operators = Array.from({ length: Math.ceil(job.homes / HOMES_PER_OPERATOR) }, (_, index) =>
      senderOf('operator', index),
    );
    const nodeId = homes[0]!.address;
    transport = connectMqtt({
      brokers: [{ url: job.url, protocolVersion: 5 }],
      ...{ network: parsed.network, nodeId, clientId: nodeId },
      sessionSeconds: 0,
      log: () => undefined,
    });
    while (!transport.connected) await pause(5);
  },
  async registerMeters() {
    const meter = { kind: 'meter', importWMax: 10_000, exportWMax: 10_000, energyWh: 0 } as const;
    await sendSlowly(
      homes.map((home, index) =>
        signed(home, 'registry.registerDevice', { deviceId: meterId(index), ...meter }, Date.now()),
      ),
    );
    return homes.length;
  },
  async qualifyMeters() {
    await sendSlowly(
      homes.map((home, index) => {
        const operator = operators[Math.floor(index / HOMES_PER_OPERATOR)]!;
        const qualified = { owner: home.address, deviceId: meterId(index) };
        return signed(operator, 'registry.qualifyDevice', qualified, Date.now());
      }),
    );
    return homes.length;
  },
  async readings({ homes: count, seconds, fromMs: wantedMs }) {
    // The slots are of the time of sending: what takes longer to sign than this is told before it begins.
    const signingMs = 1_000 + count * seconds * 1.5;
    const fromMs = wantedMs ?? Math.ceil((Date.now() + signingMs) / 1_000) * 1_000;
    const due = Array.from({ length: seconds }, (_, second) => readingsOf(count, fromMs, second)).flat();
    if (Date.now() > fromMs) throw new Error('signing took longer than was planned');
    let sent = 0;
    for (const { atMs, transactions } of due) {
      await pause(Math.max(0, atMs - Date.now()));
      send(transactions);
      sent += transactions.length;
    }
    return sent;
  },
  openSession({ slots, rounds }) {
    const nowMs = Date.now();
    const id = 'bench/pool';
    const startMs = Math.ceil((nowMs + SESSION_LEAD_MS) / SESSION_SLOT_MS) * SESSION_SLOT_MS;
    const opened = signed(
      operators[0]!,
      'coordination.open',
      {
        ...{ id, startMs, slotMs: SESSION_SLOT_MS, slots, form: 'pool', startFrom: '' },
        ...{ penaltyMicro: 30_000n, penaltyMicroMax: 30_000n, penaltyGrowthPermille: 1_000 },
        ...{ relaxationPermille: 1_000, tolerancePrimalMw: 0, toleranceDualMw: 0, memoryRounds: 5 },
        ...{ maxRounds: rounds + 1, roundMs: 600_000 },
        startPrices: new Array<bigint>(slots).fill(200_000n),
      },
      nowMs,
    );
    // What homes would offer does not matter here, only that it is as long as a home's offer and never sums to zero.
    const soldMw = (home: number, round: number) =>
      Array.from(
        { length: slots },
        (_, slot) => ((home * 7_919 + round * 104_729 + slot * 1_299_709) % 4_000_000) - 2_000_000,
      );
    offers = Array.from({ length: rounds }, (_, index) =>
      homes.map((home, place) =>
        signed(home, 'coordination.offer', { id, round: index + 1, soldMw: soldMw(place, index) }, nowMs),
      ),
    );
    send([opened]);
    return id;
  },
  offers: ({ round }) => send(offers[round - 1] ?? []),
};

answerWith(answers);
process.once('disconnect', () => process.exit(0));
