import t from 'tap';
import { soakKill } from './kill-soak.ts';
import { openVoteBook } from './vote-book.ts';

t.setTimeout(150_000);

t.test('the book of votes knows a contradiction from a repetition', async (t) => {
  const book = openVoteBook();
  const prepare = { kind: 'prepare', height: 7, round: 1, digest: 'aa', author: 'x' } as const;
  const change = { kind: 'round-change', height: 7, round: 2, prepares: [], author: 'x' } as const;
  t.equal(book.note(prepare), true);
  t.equal(book.note({ ...prepare }), false);
  t.equal(book.note({ ...prepare, round: 2, digest: 'bb' }), true, 'another round is another vote');
  book.note({ ...prepare, kind: 'commit', digest: 'cc' });
  book.note({ ...prepare, author: 'y', digest: 'dd' });
  book.note({ ...change, prepared: null });
  t.strictSame(book.breaches, []);
  book.note({ ...prepare, digest: 'ee' });
  book.note({ ...change, prepared: { round: 1, digest: 'aa' } });
  t.equal(book.breaches.length, 2);
  t.equal(book.of('x', 6).length, 4);
  t.equal(book.of('x', 7).length, 0);
});

t.test('twelve kills under load: nothing confirmed is lost, nothing signed twice', async (t) => {
  const report = await soakKill({ kills: 12, validators: 4, seed: 7 });
  t.comment(JSON.stringify(report));
  t.strictSame(report.faults, []);
  t.match(report, { kills: 12, restarts: 12, lost: 0, doubleSigned: 0, unkept: 0 });
  t.ok(report.confirmed >= 12 && report.blocks >= 12, 'there was something to lose');
});
