import { ConsensusError, type ConsensusErrorCode } from '../errors.ts';

/** Gives a failure of disk or database its stable code; what has one already passes through. */
export function storeFailure(cause: unknown, doing: string): ConsensusError {
  if (cause instanceof ConsensusError) return cause;
  const code = codeFor(codesOf(cause));
  const reason =
    code === 'CONSENSUS_STORE_FULL'
      ? 'the disk is full. Free some space and start again; nothing confirmed is lost'
      : lastMessage(cause);
  return new ConsensusError(code, `${doing}: ${reason}`, { doing }, { cause });
}

/** Awaits the work and names its failure. */
export async function guarded<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error, doing);
  }
}

type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string };

/** Reading from a damaged database: that it fails is what one comes for. */
export async function attempt<Value>(read: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, reason: storeFailure(error, 'reading the damaged store').message };
  }
}

/** Whether LevelDB itself could not read, as against content that does not fit together. */
export function isDatabaseDamage(error: unknown): boolean {
  const codes = codesOf(error);
  return codes.includes('LEVEL_CORRUPTION') || codes.includes(CUT_TABLE);
}

export function isMissingFile(error: unknown): boolean {
  return codesOf(error).includes('ENOENT');
}

function codeFor(codes: readonly string[]): ConsensusErrorCode {
  if (codes.includes('LEVEL_LOCKED')) return 'CONSENSUS_STORE_LOCKED';
  if (codes.includes('LEVEL_CORRUPTION') || codes.includes(CUT_TABLE)) return 'CONSENSUS_STORE_CORRUPT';
  if (codes.some((code) => FULL_CODES.has(code))) return 'CONSENSUS_STORE_FULL';
  return 'CONSENSUS_STORE_FAILED';
}

/** What LevelDB reports when a table is shorter than its manifest says: mapping it fails. */
const CUT_TABLE = 'Invalid argument';

/** Of the system, and as LevelDB spells the first of them within the text of its own error. */
const FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'No space left on device']);

/** The codes along the chain of causes, and texts that stand for one: `level` wraps what happened in another error. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') codes.push(current.code);
    for (const text of ['No space left on device', CUT_TABLE])
      if (current.message.includes(text)) codes.push(text);
    current = current.cause;
  }
  return codes;
}

function lastMessage(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error && current.cause instanceof Error; depth++) {
    current = current.cause;
  }
  return current instanceof Error ? current.message : String(current);
}
