import t from 'tap';
import { encodeEnvelope } from '../../consensus/network/index.ts';
import { createCatchUp } from '../../consensus/node/catch-up.ts';
import { until } from '../peers/processes.ts';
import { say, village } from './notes-village.ts';
import { agree, type Member } from './village.ts';

/** With time told by hand; `expire` lets the patience of the moment run out. */
function aside({ height = 7, connected = true, others = ['a', 'b'] } = {}) {
  const now = { height, connected, ends: 0 };
  let waiting: (() => void) | undefined;
  const catchUp = createCatchUp(
    {
      head: () => ({ height: now.height }) as never,
      transport: {
        get connected() {
          return now.connected;
        },
      } as never,
      timers: {
        set: (_name, _delayMs, action) => {
          waiting = action;
        },
        clear: () => {
          waiting = undefined;
        },
        clearAll: () => undefined,
      },
    },
    { list: () => others },
    () => {
      now.ends += 1;
    },
  );
  const expire = () => {
    const action = waiting;
    waiting = undefined;
    action?.();
  };
  return { catchUp, now, expire };
}

t.test('after a start one answer is waited for, and not for ever', (t) => {
  const answered = aside();
  answered.catchUp.begin();
  t.ok(answered.catchUp.isUnderWay());
  answered.catchUp.taken({ moved: 0, left: 0 });
  t.notOk(answered.catchUp.isUnderWay());
  t.equal(answered.now.ends, 1);

  const lonely = aside();
  lonely.catchUp.begin();
  lonely.expire();
  t.notOk(lonely.catchUp.isUnderWay());
  t.equal(lonely.now.ends, 1);

  const only = aside({ others: [] });
  only.catchUp.begin();
  t.notOk(only.catchUp.isUnderWay(), 'who decides alone has nobody to ask');

  const liar = aside();
  liar.catchUp.begin();
  liar.catchUp.taken({ moved: 0, left: 1_000_000 });
  t.ok(liar.catchUp.isUnderWay(), 'who names a height and gives nothing does not end the wait');
  liar.expire();
  t.notOk(liar.catchUp.isUnderWay(), 'nor make it longer');
  t.end();
});

t.test('an empty ledger waits for the network, and any other does not', (t) => {
  const empty = aside({ height: 0, connected: false });
  empty.catchUp.begin();
  for (let time = 0; time < 3; time += 1) empty.expire();
  t.ok(empty.catchUp.isUnderWay());
  empty.now.connected = true;
  empty.expire();
  t.notOk(empty.catchUp.isUnderWay(), 'and no longer than for the network, where nobody answers');

  const begun = aside({ connected: false });
  begun.catchUp.begin();
  begun.expire();
  t.notOk(begun.catchUp.isUnderWay());
  t.end();
});

t.test('only blocks that came prove that more are missing', (t) => {
  const { catchUp, now, expire } = aside();
  for (const moved of [0, 1]) {
    catchUp.taken({ moved, left: 1_000_000 });
    t.notOk(catchUp.isUnderWay(), `${moved} at once is what every new block is`);
  }
  t.equal(now.ends, 0, 'and nobody is told of nothing');
  catchUp.taking();
  t.ok(catchUp.isUnderWay());
  catchUp.taken({ moved: 1, left: 1_000_000 });
  t.notOk(catchUp.isUnderWay());
  t.equal(now.ends, 1);

  catchUp.taking();
  catchUp.taken({ moved: 16, left: 300 });
  t.ok(catchUp.isUnderWay());
  catchUp.taking();
  expire();
  t.ok(catchUp.isUnderWay(), 'while an answer is taken in, however long');
  catchUp.taken({ moved: 16, left: 284 });
  t.ok(catchUp.isUnderWay());
  t.equal(now.ends, 1);
  expire();
  t.notOk(catchUp.isUnderWay(), 'until nothing more comes');
  t.equal(now.ends, 2);

  catchUp.shown();
  catchUp.taken({ moved: 5, left: 0 });
  t.notOk(catchUp.isUnderWay());
  t.equal(now.ends, 3);
  t.end();
});

t.test('who was away passes through old heads, and is told when it is there', async (t) => {
  const { members, network } = await village(t, { followers: 1 });
  const away = members.at(-1)!;
  await say(members[0]!, 'all here');
  await agree(members);
  const { node } = away;
  await until('the start is over', () => !node.isCatchingUp());

  // One of them names a height that nobody has, and gives nothing.
  const liar = members[0]!;
  network.filter = ({ channel, from }) => channel !== 'sync-response' || from !== liar.name;
  away.transport.setUp(false);
  for (let index = 0; index < 36; index += 1) await say(members[index % 4]!, `missed ${index}`);
  await agree(members.slice(0, 4));
  const tip = liar.node.head.height;
  t.ok(tip > away.node.head.height + 16, 'more than one answer holds');

  const seen: { height: number; catchingUp: boolean }[] = [];
  const caughtUp: number[] = [];
  node.onHead(({ height }) => seen.push({ height, catchingUp: node.isCatchingUp() }));
  node.onCaughtUp(() => caughtUp.push(node.head.height));
  away.transport.setUp(true);
  t.ok(node.isCatchingUp(), 'from the first moment');
  claimMore(liar, away.name);
  await until('it has caught up', () => node.head.height === tip && !node.isCatchingUp());
  t.ok(seen.length > 16 && seen.every(({ catchingUp }) => catchingUp));
  t.ok(caughtUp.length > 0 && caughtUp.every((height) => height === tip), `told at ${caughtUp.join()}`);

  seen.length = 0;
  for (let index = 0; index < 4; index += 1) {
    await say(members[1]!, `new ${index}`);
    claimMore(liar, away.name);
  }
  await agree(members);
  t.ok(seen.length >= 1 && seen.every(({ catchingUp }) => !catchingUp), 'new blocks come one by one');

  function claimMore({ name, node: { head } }: Member, to: string) {
    const claim = { headHeight: head.height + 1_000_000, firstHeight: 1, finalBlocks: [] };
    const payload = encodeEnvelope({ channel: 'sync-response', ...claim });
    network.say({ channel: 'sync-response', from: name, to, payload });
  }
});
