import { type Committee, startCommittee } from './committee.ts';
import type { Report } from './report.ts';

const BACK_GOAL_MS = 3_000;
const GAP_GOAL_MS = 2_000;
/** Between payments of the one that goes on, so that there is always something to say. */
const PAUSE_MS = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Two of four are killed; after a while one comes back. How soon is there a block again? */
export async function measureOutage(
  report: Report,
  { seconds }: { readonly seconds: readonly number[] },
): Promise<void> {
  report.say('\n## Quorum lost: two of four killed, one comes back\n');
  const rows: (string | number)[][] = [];
  const figures: object[] = [];
  for (const outageSeconds of seconds) {
    // Each member is the one that comes back once: it matters whose turn the rounds have come to.
    for (const back of [1, 2, 3]) {
      const { fromStartMs, fromConnectedMs, blocksMeanwhile } = await lose(outageSeconds, back);
      rows.push([outageSeconds, blocksMeanwhile, fromConnectedMs, fromStartMs]);
      figures.push({ outageSeconds, fromStartMs, fromConnectedMs, blocksMeanwhile });
    }
  }
  report.table(
    [
      'without quorum, s',
      'blocks meanwhile',
      'connected to first block, ms',
      'start of its process to first block, ms',
    ],
    rows,
  );
  report.figure('outage', figures);
  for (const outageSeconds of seconds) {
    const times = rows.filter(([of]) => of === outageSeconds).map((row) => Number(row[3]));
    const worst = Math.max(...times);
    report.goal(
      `back after ${outageSeconds} s without quorum (process start included)`,
      `<= ${BACK_GOAL_MS} ms`,
      `at most ${worst} ms of ${times.length}`,
      worst <= BACK_GOAL_MS,
    );
  }
}

async function lose(
  outageSeconds: number,
  back: number,
): Promise<{ fromStartMs: number; fromConnectedMs: number; blocksMeanwhile: number }> {
  const committee = await startCommittee({ validators: 4 });
  try {
    const { members } = committee;
    const witness = members[0]!;
    await witness.ask('keepPaying', PAUSE_MS);
    await pause(2_000);
    const [other] = [1, 2, 3].filter((index) => index !== back);
    await Promise.all([members[back]!.kill(), members[other!]!.kill()]);
    // What was under way may still become final: the votes were out.
    await pause(500);
    const lostAt = (await witness.ask('status', null)).height;
    await pause(outageSeconds * 1_000);
    const startedMs = Date.now();
    const blocksMeanwhile = (await witness.ask('status', null)).height - lostAt;
    await members[back]!.start();
    const connectedMs = Date.now();
    const first = await firstBlockAfter(committee, startedMs);
    return { fromStartMs: first - startedMs, fromConnectedMs: first - connectedMs, blocksMeanwhile };
  } finally {
    await committee.stop();
  }
}

async function firstBlockAfter({ members }: Committee, sinceMs: number): Promise<number> {
  for (;;) {
    const found = (await members[0]!.ask('blocks', 0)).find(({ atMs }) => atMs > sinceMs);
    if (found !== undefined) return found.atMs;
    await pause(20);
  }
}

/** One of four is killed: how long are the gaps between blocks? A second one: are there any blocks? */
export async function measureKilled(
  report: Report,
  { seconds }: { readonly seconds: number },
): Promise<void> {
  report.say(`\n## One of four killed, then two; ${seconds} s each\n`);
  const committee = await startCommittee({ validators: 4 });
  try {
    const { members } = committee;
    const witness = members[0]!;
    await witness.ask('keepPaying', PAUSE_MS);
    await pause(2_000);
    await members[3]!.kill();
    const killedMs = Date.now();
    await pause(seconds * 1_000);
    await members[2]!.kill();
    const secondMs = Date.now();
    await pause(500);
    const { height } = await witness.ask('status', null);
    await pause(seconds * 1_000);
    const blocksWithTwo = (await witness.ask('status', null)).height - height;

    const times = (await witness.ask('blocks', 0)).map(({ atMs }) => atMs).filter((atMs) => atMs < secondMs);
    const after = times.filter((atMs) => atMs > killedMs);
    const gaps = after.map((atMs, index) => atMs - (after[index - 1] ?? killedMs));
    // The first long one is the time-out that finds out; what counts are those after it.
    const firstLong = gaps.findIndex((gapMs) => gapMs > 500);
    const later = gaps.slice(firstLong + 1);
    const longest = Math.max(...later);
    const long = later.filter((gapMs) => gapMs > 500);
    report.table(
      ['killed', 'blocks', 'first gap above 0.5 s, ms', 'such gaps after it', 'longest of them, ms'],
      [
        ['one', after.length, gaps[firstLong] ?? '-', long.length, longest],
        ['two', blocksWithTwo, '-', '-', '-'],
      ],
    );
    report.figure('killed', { seconds, gapsMs: gaps, longestAfterFirstMs: longest, blocksWithTwo });
    report.goal(
      'one of four killed: longest interval without a block after the first time-out',
      `<= ${GAP_GOAL_MS} ms`,
      `${longest} ms`,
      longest <= GAP_GOAL_MS,
    );
    report.goal('two of four killed', 'no block', `${blocksWithTwo} blocks`, blocksWithTwo === 0);
  } finally {
    await committee.stop();
  }
}
