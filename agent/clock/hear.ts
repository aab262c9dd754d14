import { faultsTolerated, type Head } from '../../consensus/index.ts';
import type { SystemClock } from './system.ts';

/**
 * Lets a clock hear the time of a final block.
 *
 * @param about.self this node: its own clock bears witness of nothing.
 * @param about.isNew whether the block came as it was made, and not with others that were missing.
 */
export function hearTime(
  clock: Pick<SystemClock, 'heard'>,
  { header: { timeMs, proposer }, validators }: Pick<Head, 'header' | 'validators'>,
  { self, isNew }: { readonly self: string; readonly isNew: boolean },
): void {
  const alone = validators.length === 1 && validators[0]!.address === self;
  const witness = { proposer, liarsMax: faultsTolerated(validators.length) };
  clock.heard(timeMs, alone, isNew && proposer !== self ? witness : undefined);
}
