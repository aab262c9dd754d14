import t from 'tap';
import { decodeEnvelope } from '../../consensus/network/index.ts';
import { createEntry, type EntryStage } from '../../consensus/node/entry.ts';

/** One of four, over a network and a time told by hand. */
function arrival({ stage, height }: { stage: EntryStage; height: number }) {
  const now = { stage, height, entered: 0 };
  let asked: { to: string | undefined; fromHeight: number }[] = [];
  const entry = createEntry(
    {
      self: 'd',
      head: () => ({ height: now.height, validators: ['a', 'b', 'c', 'd'].map((address) => ({ address })) }),
      transport: {
        connected: true,
        publish({ channel, to, payload }: { channel: 'sync-request'; to?: string; payload: Uint8Array }) {
          const question = decodeEnvelope(channel, payload);
          if (question.ok && question.envelope.channel === 'sync-request')
            asked.push({ to, fromHeight: question.envelope.fromHeight });
          return true;
        },
      },
      timers: { set: () => undefined },
      counters: { unsent: 0 },
    } as unknown as Parameters<typeof createEntry>[0],
    {
      stage: () => now.stage,
      async enter() {
        now.stage = 'none';
        now.entered += 1;
      },
    },
  );
  const questions = () => {
    const all = asked;
    asked = [];
    return all;
  };
  return { entry, now, questions };
}

const ALL = ['a', 'b', 'c'];

t.test('who was behind asks about the height that the others are at as soon as it is there', async (t) => {
  const { entry, now, questions } = arrival({ stage: 'again', height: 4 });
  await entry.start();
  t.same(
    questions(),
    ALL.map((to) => ({ to, fromHeight: 5 })),
  );
  await entry.heard('a', 5);
  await entry.heard('b', 5);
  t.equal(now.entered, 0, 'it has not come to where they are');
  t.same(questions(), []);
  now.height = 5;
  await entry.advanced();
  t.equal(now.entered, 1);
  t.same(
    questions(),
    ALL.map((to) => ({ to, fromHeight: 6 })),
    'they may be stuck there, and tell only who asks about it',
  );
  now.height = 6;
  await entry.advanced();
  t.same(questions(), [], 'once');
});

t.test('who is there when it comes asks once', async (t) => {
  const { entry, now, questions } = arrival({ stage: 'again', height: 5 });
  await entry.start();
  t.equal(questions().length, ALL.length);
  await entry.heard('a', 5);
  await entry.heard('b', 5);
  t.equal(now.entered, 1);
  t.same(questions(), []);
});
