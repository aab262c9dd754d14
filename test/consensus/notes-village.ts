import type { Test } from 'tap';
import { NOTES_START_MS, notebook, noteKeys, notesGenesis } from './notebook.ts';
import { type Member, settle, type Village, WAIT_MS } from './village.ts';

/** A village that keeps notes: the first of its members have seats, the others follow. */
export async function village(t: Test, { validators = 4, followers = 0 } = {}): Promise<Village> {
  const keys = noteKeys.slice(0, validators + followers);
  return settle(t, { genesis: notesGenesis(1_000, validators), contract: notebook, keys });
}

export const call = (word: string, method = 'notes.say') => ({
  method,
  args: [word],
  expiresMs: NOTES_START_MS + 3_600_000,
});

export async function say(member: Member, word: string, method?: string) {
  const submitted = await member.node.submit(call(word, method));
  if (!submitted.ok) throw new Error(`${submitted.code}: ${submitted.reason}`);
  return member.node.whenFinal(submitted.id, { timeoutMs: WAIT_MS });
}
