import { readFileSync } from 'node:fs';
import { DriversError } from '../errors.ts';
import { type Profile, profileSchema } from './schema.ts';

/**
 * A profile by its name (one that ships with the product) or by the path of a JSON file. Throws
 * DRIVERS_BAD_PROFILE with the source, the path inside it and what is wrong there.
 */
export function loadProfile(nameOrPath: string): Profile {
  const ours = /^[a-z0-9][a-z0-9-]*$/.test(nameOrPath);
  const source = ours ? new URL(`./${nameOrPath}.json`, import.meta.url) : nameOrPath;
  let text: string;
  try {
    text = readFileSync(source, 'utf8');
  } catch (cause) {
    throw badProfile(nameOrPath, '', ours ? 'no such profile' : 'cannot be read', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badProfile(nameOrPath, '', cause instanceof Error ? cause.message : 'no JSON', cause);
  }
  return parseProfile(value, nameOrPath);
}

/** Checks a profile that has been read already. Throws as `loadProfile`. */
export function parseProfile(value: unknown, source: string): Profile {
  const parsed = profileSchema.safeParse(value);
  if (parsed.success) return Object.freeze(parsed.data);
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join('.') ?? '';
  throw badProfile(source, path, issue?.message ?? 'unknown', parsed.error);
}

function badProfile(source: string, path: string, issue: string, cause: unknown): DriversError {
  const at = path ? `${source}: ${path}` : source;
  return new DriversError('DRIVERS_BAD_PROFILE', `${at}: ${issue}`, { source, path, issue }, { cause });
}
