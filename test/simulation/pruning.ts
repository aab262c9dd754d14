import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { VICES_ON_SNAPSHOTS } from './vices.ts';

/**
 * The same story where blocks are let go: short epochs, so much traffic that some pass, and somebody who is away
 * meanwhile. Whoever lies does so about snapshots too, and gives its votes where they are needed.
 */
export function withPruning(scenario: Scenario, honest: readonly number[], random: Random): Scenario {
  const { founders, healedAtMs, liars, twins, crashes, traffic } = scenario;
  const isFull = liars.size + twins.length >= Math.floor((founders - 1) / 3);
  const places = honest.length + liars.size;
  const busyMs = Math.min(healedAtMs, 8_000);
  const leavesMs = random.between(50, healedAtMs);
  const away = {
    place: random.pick(honest),
    atMs: leavesMs,
    downMs: Math.max(1, healedAtMs + random.between(500, 5_500) - leavesMs),
  };
  return {
    ...scenario,
    epochBlocks: random.pick([2, 3]),
    prunes: Array.from({ length: places }, (_, place) => place).filter(() => random.chance(0.85)),
    // Who comes back by a snapshot is in doubt of its votes until a younger block is final, and so one of the f faults.
    disk: { ...scenario.disk, lost: [], putBack: [] },
    liars: new Map(
      [...liars].map(([place, vices]) => {
        const others = isFull || random.chance(0.5) ? [] : vices;
        return [place, [...others, random.pick(VICES_ON_SNAPSHOTS)]];
      }),
    ),
    crashes: [...crashes, away],
    traffic: [
      ...traffic,
      ...Array.from({ length: 8 + random.below(6) }, () => ({
        place: random.pick(honest),
        atMs: random.between(0, busyMs),
      })),
      ...[500, 800, 1_200, 1_600, 2_400, 2_800, 3_200, 3_600].map((delayMs) => ({
        place: random.pick(honest),
        atMs: healedAtMs + delayMs,
      })),
    ],
  };
}
