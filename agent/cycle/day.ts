import { type Home, note } from '../home.ts';
import { together } from '../together.ts';
import { agree, nothingAgreed } from './agree.ts';
import { register } from './register.ts';
import { settleDay, untilAllTold } from './settle.ts';
import { carryOut } from './slots.ts';

/**
 * One day of one home, in the order of the six: the agreement on it before it begins, its slots, its
 * settlement. Each step looks first at what the ledger and the journal say is done already, so that a day goes on
 * after a crash where it was. A day does not wait for neighbours that cannot be heard, nor for a ledger that is catching
 * up: it begins with the home's own optimum, and takes up what is agreed upon once it is known.
 */
export async function runDay(home: Home, signal: AbortSignal): Promise<void> {
  if (home.state.journal.day !== home.day.day) {
    home.state.journal = { day: home.day.day, untold: home.state.journal.untold, realised: [] };
    await note(home, {});
  }
  try {
    home.state.phase = 'registering';
    let agreed = nothingAgreed(home);
    let agreeing: Promise<void> | undefined;
    await together(signal, [
      (stop) => register(home, stop),
      (stop) => {
        agreeing = agree(home, stop).then((found) => {
          agreed = found;
        });
        return agreeing;
      },
      async (stop) => {
        await Promise.race([agreeing, home.clock.waitUntil(home.day.startMs, stop)]);
        await carryOut(home, () => agreed, stop);
      },
    ]);
    home.state.phase = 'settling';
    await together(signal, [(stop) => settleDay(home, agreed, stop), (stop) => untilAllTold(home, stop)]);
    home.state.phase = 'done';
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
}
