import { AgentError } from '../errors.ts';
import { type Home, note } from '../home.ts';
import { agree } from './agree.ts';
import { register } from './register.ts';
import { settleDay } from './settle.ts';
import { carryOut } from './slots.ts';

/**
 * One day of one home, in the order of the six: the agreement on it before it begins, its slots, its
 * settlement. Each step looks first at what the ledger and the journal say is done already, so that a day goes on
 * after a crash where it was.
 */
export async function runDay(home: Home, signal: AbortSignal): Promise<void> {
  if (home.state.journal.day !== home.day.day) {
    home.state.journal = { day: home.day.day, realised: [] };
    await note(home, {});
  }
  try {
    home.state.phase = 'registering';
    await register(home);
    const agreed = await agree(home, signal);
    await carryOut(home, agreed, signal);
    home.state.phase = 'settling';
    await settleDay(home, agreed, signal);
    home.state.phase = 'done';
  } catch (error) {
    if (error instanceof AgentError && error.code === 'AGENT_ABORTED') return;
    throw error;
  }
}
