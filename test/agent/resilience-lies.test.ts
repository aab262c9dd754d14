import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type LedgerNode, openLedgerStore, openVoteLog, startNode } from '../../consensus/index.ts';
import { connectMqtt, type MqttTransport } from '../../drivers/index.ts';
import { notebook, noteKeys, notesGenesis } from '../consensus/notebook.ts';
import { lies, startLyingBroker } from '../peers/lying-broker.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { until } from '../peers/processes.ts';
import { seeded } from '../simulation/random.ts';

t.setTimeout(170_000);

/** Longer than any of these tests: a block that needs a second round never comes. */
const NEVER_MS = 600_000;
const CALLS = 40;
/** For the last of them to be final, however busy the machine is. */
const PATIENCE_MS = 60_000;

type Validator = {
  readonly node: LedgerNode;
  readonly transport: MqttTransport;
  /** Starts it anew on what it has on disk. */
  restart(): Promise<void>;
};

async function committee(
  t: Test,
  { urls, begin }: { readonly urls: readonly string[]; readonly begin: () => void },
): Promise<readonly Validator[]> {
  const folder = await mkdtemp(join(tmpdir(), 'gq-lies-'));
  const genesis = notesGenesis(1_000);
  // First all transports: who is not connected yet would miss a proposal, and no second round helps him.
  const reached = genesis.validators.map(async ({ address }) => {
    const transport = connectMqtt({
      brokers: urls.map((url) => ({ url, protocolVersion: 4 })),
      clientId: address,
      network: genesis.network,
      nodeId: address,
      log: () => undefined,
    });
    await until('all brokers are reached', () => transport.brokers.every(({ connected }) => connected));
    return { address, transport };
  });
  const ways = await Promise.all(reached);
  begin();
  const opened = ways.map(async ({ address, transport }) => {
    const directory = join(folder, address);
    const store = await openLedgerStore({ directory, genesis, contract: notebook });
    const start = async () => {
      const voteLog = await openVoteLog(directory, store);
      const node = await startNode({
        ...{ genesis, contract: notebook, store, voteLog, transport },
        privateKey: noteKeys.find((key) => key.address === address)!.privateKey,
        clock: { utcMs: () => Date.now() },
        timing: {
          ...{ baseTimeoutMs: NEVER_MS, maxTimeoutMs: NEVER_MS },
          ...{ blockIntervalMs: 0, allowedSkewMs: 2_000, heartbeatMs: 0 },
        },
        log: () => undefined,
        onFailure: (error) => t.fail(String(error)),
      });
      const stop = async () => {
        await node.stop();
        await voteLog.close();
      };
      return { node, stop };
    };
    let running = await start();
    const close = async () => {
      await running.stop();
      await store.close();
      await transport.stop({ timeoutMs: 0 });
    };
    const restart = async () => {
      await running.stop();
      running = await start();
    };
    const self = {
      get node() {
        return running.node;
      },
      ...{ transport, restart, close },
    };
    return self;
  });
  const members = await Promise.all(opened);
  t.teardown(async () => {
    for (const { close } of members) await close();
    await rm(folder, { recursive: true, force: true });
  });
  await until('all may vote', () => members.every(({ node }) => !node.status().votesInDoubt), PATIENCE_MS);
  return members;
}

for (const [name, make] of Object.entries(lies))
  t.test(`of two brokers one ${name}: every block is agreed on in its first round`, async (t) => {
    const [honest, used] = await Promise.all([startMosquitto(), startMosquitto()]);
    t.teardown(() => Promise.all([honest.stop(), used.stop()]));
    const liar = await startLyingBroker(used.port, seeded(4).next);
    t.teardown(() => liar.stop());
    // The liar comes first: whatever is heard first must not count for that.
    const begin = () => {
      liar.lie = make();
    };
    const members = await committee(t, { urls: [liar.url, honest.url], begin });

    const note = (index: number) => {
      const { node } = members[index % members.length]!;
      const args = [`note ${index}`, new Uint8Array(30).fill(index)];
      return node.submit({ method: 'notes.write', args, expiresMs: Date.now() + 3_600_000 });
    };
    for (let index = 0; index < CALLS; index += 1) {
      // Its turns to propose come again, and it must learn where the chain is before it takes them.
      if (index === CALLS / 2) await members[0]!.restart();
      const submitted = await note(index);
      if (!submitted.ok) throw new Error(submitted.reason);
      // One after the other: each is a block, and nothing waits for the next one's messages to be pushed on by it.
      const { node } = members[index % members.length]!;
      t.match(await node.whenFinal(submitted.id, { timeoutMs: PATIENCE_MS }), { ok: true }, `call ${index}`);
    }
    const heights = () => members.map(({ node }) => node.head.height);
    await until('all have come to one head', () => new Set(heights()).size === 1, PATIENCE_MS);
    t.equal(new Set(members.map(({ node }) => node.head.digest)).size, 1);
    t.same(
      members.map(({ node }) => node.status().round),
      [0, 0, 0, 0],
    );
    t.ok(liar.lies > 0, `${liar.lies} lies were told`);
    for (const { node, transport } of members) {
      const { failed, counters } = node.status();
      t.notOk(failed);
      const [, second] = transport.brokers;
      t.match(second?.counters, { losses: 0, dropped: 0, expired: 0, paused: 0 });
      t.comment(JSON.stringify(counters));
    }
  });
