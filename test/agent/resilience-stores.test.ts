import { chmod, cp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Agent, startAgent } from '../../agent/agent.ts';
import { connectMqtt } from '../../drivers/index.ts';
import { openStreet, type Street, type StreetHome, untilAll } from './street.ts';

t.setTimeout(90_000);

/** Counts who speaks on the channels where only signed votes go. */
function countVotes(t: Test, { brokers: [broker], network }: Street) {
  const spoken = new Map<string, number>();
  const spy = connectMqtt({
    brokers: [{ url: broker!.url, protocolVersion: 4 }],
    clientId: 'spy',
    network,
    nodeId: 'spy',
    log: () => undefined,
  });
  spy.onMessage(({ channel, from }) => {
    if (channel === 'vote' || channel === 'proposal') spoken.set(from, (spoken.get(from) ?? 0) + 1);
  });
  t.teardown(() => spy.stop());
  return ({ place }: StreetHome) => spoken.get(place.address) ?? 0;
}

/** What its log says of the last doubt about its votes, and of the end of it. */
async function lastDoubtOf(home: StreetHome) {
  return (await home.log()).filter(({ event }) => String(event).startsWith('votes-')).slice(-2);
}

async function flip(file: string, share: number) {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length * share);
  bytes[at] = bytes[at]! ^ 0x55;
  await writeFile(file, bytes);
}

async function cut(file: string, share: number) {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  await handle.truncate(Math.floor(size * share));
  await handle.close();
}

t.test(
  'whose store is damaged while it is down follows, and signs nothing it cannot answer for',
  async (t) => {
    const slots = 20;
    const street = await openStreet(t, { slots });
    const [first, second, third, fourth] = street.homes as [StreetHome, StreetHome, StreetHome, StreetHome];
    await street.tellEvening();
    const votesOf = countVotes(t, street);
    await Promise.all(street.homes.map((home) => home.start()));
    await untilAll(
      street.homes,
      'the day is agreed upon',
      ({ phase, ledger }) => phase === 'delivering' && !ledger.votesInDoubt,
    );
    street.tellDay();

    // Its record of votes is cut: it follows, and others do the voting.
    await street.untilSlot(0.5);
    await second.kill();
    await cut(join(second.place.directory, 'votes-a.log'), 0.5);
    const { height } = (await first.status()).ledger;
    const silent = votesOf(second);
    await second.start();
    await untilAll([second], 'its sign of life ends the doubt', ({ ledger }) => !ledger.votesInDoubt);
    const [doubt, trust] = await lastDoubtOf(second);
    t.match([doubt, trust], [{ event: 'votes-in-doubt' }, { event: 'votes-trusted' }]);
    t.ok(Number(trust?.height) > height, 'with a block that the others have made since');

    // A ledger that lost its end is mended from the others.
    await third.kill();
    for (const name of await readdir(join(third.place.directory, 'ledger')))
      if (/\.(log|ldb)$/.test(name)) await cut(join(third.place.directory, 'ledger', name), 0.7);
    await third.start();
    t.notOk((await third.status()).ledger.votesInDoubt);

    // So is one that is lost as a whole, with the record of votes.
    const { slot: lostSlot = 0 } = await fourth.status();
    await fourth.kill();
    for (const name of ['ledger', 'votes-a.log', 'votes-b.log', 'journal.json'])
      await rm(join(fourth.place.directory, name), { recursive: true });
    await fourth.start();

    await street.untilSlot(slots);
    const statuses = await untilAll(
      street.homes,
      'the day is settled',
      ({ phase, ledger }) => phase === 'done' && ledger.pending === 0,
    );
    t.ok(statuses.every(({ ledger }) => !ledger.votesInDoubt));
    t.match(await lastDoubtOf(fourth), [{ event: 'votes-in-doubt' }, { event: 'votes-trusted' }]);
    t.ok(votesOf(second) > silent, 'it votes again');
    t.equal(new Set(statuses.map(({ ledger }) => ledger.stateRoot)).size, 1);
    for (const home of street.homes) t.equal(await home.stop(), '0');
    const all = Array.from({ length: slots }, (_, slot) => slot);
    for (const home of [first, second, third]) t.same(await home.recordedSlots(), all, home.place.home);
    // What it had not told, and where its journal says that its count began, is gone with the journal.
    const recorded = await fourth.recordedSlots();
    t.same(
      recorded.slice(0, lostSlot - 1),
      all.slice(0, lostSlot - 1),
      'what was told before the loss stands',
    );
    t.equal(recorded.at(-1), slots - 1, 'and it goes on from there');

    await t.test('a store cut anywhere starts, or says in one line why not', async (t) => {
      const { directory, configFile } = first.place;
      const kept = join(street.directory, 'kept');
      await cp(directory, kept, { recursive: true });
      const files = [
        ...(await readdir(join(kept, 'ledger'))).map((name) => join('ledger', name)),
        'votes-a.log',
        'votes-b.log',
        'journal.json',
      ];
      const outcomes = new Map<string, number>();
      let at = 0;
      for (const file of files.filter((name) => !/LOCK$|LOG/.test(name))) {
        for (const share of [0, 0.31, 0.77, 0.999]) {
          at += 1;
          await rm(directory, { recursive: true });
          await cp(kept, directory, { recursive: true });
          const isCut = at % 3 !== 0;
          await (isCut ? cut(join(directory, file), share) : flip(join(directory, file), share));
          const outcome = await startOnce(configFile);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          t.match(
            outcome,
            /^(started|started in doubt|CONSENSUS_STORE_[A-Z]+|CONSENSUS_WRONG_CHAIN)$/,
            `${file} at ${share}`,
          );
          // A cut always tells; a byte that flips behind the last vote of one copy is mended from the other.
          if (isCut && file.startsWith('votes')) t.equal(outcome, 'started in doubt', `${file} at ${share}`);
        }
      }
      t.comment(JSON.stringify([...outcomes]));
    });
  },
);

/** How a start ends: the agent is stopped again at once. */
async function startOnce(configFile: string): Promise<string> {
  let agent: Agent;
  try {
    agent = await startAgent(configFile, () => undefined);
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
  const { votesInDoubt } = agent.home.node.status();
  await agent.stop();
  return votesInDoubt ? 'started in doubt' : 'started';
}

t.test('what keeps an agent from starting is one line with a code, and SIGTERM always ends it', async (t) => {
  const street = await openStreet(t, { slots: 6, homes: 1 });
  const home = street.homes[0]!;
  const keyFile = join(home.place.directory, 'key.json');
  await chmod(keyFile, 0o644);
  await t.rejects(home.start(), { message: /chmod 600.*\[CONSENSUS_KEY_EXPOSED\]/ });
  await chmod(keyFile, 0o600);

  await street.brokers[0]!.kill();
  const started = performance.now();
  await home.start();
  await t.rejects(
    startAgent(home.place.configFile, () => undefined),
    { code: 'CONSENSUS_STORE_LOCKED' },
  );
  t.match(await home.status(), { phase: /./, ledger: { connected: false } });
  t.comment(`started in ${Math.round(performance.now() - started)} ms`);
  const stopping = performance.now();
  t.equal(await home.stop(), '0', 'without a broker, too');
  t.match((await home.log()).at(-1), { event: 'stopped', reason: 'SIGTERM' }, 'its last word');
  const ledger = join(home.place.directory, 'ledger');
  // LevelDB's own LOG was begun anew by the start within this process, which was refused.
  const names = (await readdir(ledger)).filter((name) => name !== 'LOG');
  for (const place of [ledger, ...names.map((name) => join(ledger, name))])
    t.equal((await stat(place)).mode & 0o077, 0, `${place} is its owner's alone`);
  t.comment(`stopped in ${Math.round(performance.now() - stopping)} ms`);
});
