import {
  type Facts,
  toHex,
  type Validator,
  type Verified,
  verifyCheckpoint,
  verifyClaim,
} from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import { type Asked, readProof, readTrusted, type TrustedFile } from '../proof-file.ts';
import { type Fact, legible, legibleJson, lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, VerifyOptions } from './actions.ts';

/**
 * Tells whether a proof holds for whoever trusts the checkpoint, and what it proves.
 *
 * @throws AgentError AGENT_NOT_PROVEN with the reason; AGENT_FILE_MISSING, AGENT_BAD_DATA for files that are neither.
 */
export async function verify({ file, checkpointFile, json }: VerifyOptions, io: CliIo): Promise<void> {
  const trusted = await readTrusted(checkpointFile);
  const { proof, claim } = await readProof(file);
  const { checkpoint } = trusted;
  const verdict =
    claim.kind === 'checkpoint' ? verifyCheckpoint(proof, checkpoint) : verifyClaim(proof, claim, checkpoint);
  if (!verdict.ok) {
    if (json)
      io.stdout.write(`${asJson({ proven: false, code: verdict.code, reason: verdict.reason, claim })}\n`);
    throw new AgentError('AGENT_NOT_PROVEN', `Not proven: ${verdict.reason} (${verdict.code}).`, {
      reason: verdict.code,
    });
  }
  const { header, evidence } = proof;
  const facts = 'facts' in verdict ? (verdict.facts as Facts | null) : null;
  const validators = evidence.kind === 'validators' ? evidence.validators : [];
  if (json) {
    const { height, timeMs } = header;
    const { digest, sealed, changes } = verdict;
    const trust = { what: trusted.what, height: checkpoint.height, digest: checkpoint.digest };
    const members = validators.map(({ address }) => address);
    const told = claim.kind === 'checkpoint' ? { validators: members } : facts;
    io.stdout.write(
      `${asJson({ proven: true, claim, facts: told, height, timeMs, digest, sealed, changes, trust })}\n`,
    );
    return;
  }
  const lines: Fact[] = [
    ...wordsOf(claim, facts, { validators, currency: trusted.currency ?? "of the network's currency" }),
    { label: 'as of', value: `block ${header.height}, ${new Date(header.timeMs).toISOString()}` },
    { label: 'sealed by', value: sealWords(verdict) },
    { label: 'trusting', value: trustWords(trusted, checkpointFile, verdict.changes) },
  ];
  io.stdout.write(`${renderFacts('Proven', lines, lookOf(io.stdout, io.env))}\n`);
}

type Held = Pick<Extract<Verified, { ok: true }>, 'sealed' | 'changes'>;

function sealWords({ sealed }: Held): string {
  if (sealed === null) return 'none needed: the checkpoint names this very block';
  return `${sealed.signers.length} of ${sealed.committee} validators`;
}

function trustWords({ checkpoint, what }: TrustedFile, file: string, changes: number): string {
  const from = what === 'genesis' ? `the genesis in ${file}` : `block ${checkpoint.height} in ${file}`;
  const way =
    changes === 0 ? '' : `, and ${changes} change${changes === 1 ? '' : 's'} of its committee since`;
  return `the ${checkpoint.validators.length} validators of ${from}${way}`;
}

function wordsOf(
  claim: Asked,
  facts: Facts | null,
  { validators, currency }: { readonly validators: readonly Validator[]; readonly currency: string },
): Fact[] {
  switch (claim.kind) {
    case 'checkpoint':
      return inLines(
        'validators',
        validators.map(({ address }) => address),
      );
    case 'entry':
      return [
        ...inLines('entry', keyLines(claim.key)),
        ...inLines(
          'holds',
          facts?.kind === 'entry' ? (toHex(facts.value).match(/.{1,64}/g) ?? []) : ['nothing: there is none'],
        ),
      ];
    case 'balance':
      return [{ label: 'account', value: claim.account }, ...balanceWords(facts, currency)];
    case 'reading':
      return [{ label: 'home', value: claim.home }, ...readingWords(facts)];
    case 'trade':
      return [
        { label: 'home', value: claim.home },
        { label: 'session', value: claim.session },
        ...tradeWords(facts, currency),
      ];
  }
}

const inLines = (label: string, values: readonly string[]): Fact[] =>
  values.map((value, line) => ({ label: line === 0 ? label : '', value }));

/** A key is anything: in pieces, so that no terminal goes on with it where the labels stand. */
function keyLines(key: string): string[] {
  const shown = legible(key);
  return /^[ -~]{1,64}$/.test(shown) ? [shown] : (shown.match(/.{1,32}/gu) ?? []);
}

function balanceWords(facts: Facts | null, currency: string): Fact[] {
  if (facts?.kind !== 'balance') return [];
  return [
    { label: 'balance', value: units(facts.balanceMicro, currency) },
    { label: 'imported', value: kwh(facts.importWs) },
    { label: 'exported', value: kwh(facts.exportWs) },
    { label: 'sold', value: kwh(facts.soldWs) },
    { label: 'bought', value: kwh(facts.boughtWs) },
    ...(facts.isRevoked ? [{ label: 'key', value: 'revoked', mood: 'bad' as const }] : []),
  ];
}

function readingWords(facts: Facts | null): Fact[] {
  if (facts?.kind !== 'reading') return [];
  return [
    { label: 'slot from', value: new Date(facts.slotStartMs).toISOString() },
    { label: 'imported', value: kwh(facts.importWs) },
    { label: 'exported', value: kwh(facts.exportWs) },
    { label: 'leaf root', value: facts.leavesRoot },
  ];
}

function tradeWords(facts: Facts | null, currency: string): Fact[] {
  if (facts?.kind !== 'trade') return [];
  const { soldW, slotMs, startMs, paymentMicro, status } = facts;
  const energy = (sign: number) =>
    soldW.reduce((sum, watts) => sum + BigInt(Math.max(0, sign * watts)), 0n) * BigInt(slotMs / 1000);
  return [
    { label: 'state', value: status },
    {
      label: 'slots',
      value: `${soldW.length} of ${slotMs / 60_000} min from ${new Date(startMs).toISOString()}`,
    },
    { label: 'sold', value: kwh(energy(1)) },
    { label: 'bought', value: kwh(energy(-1)) },
    {
      label: paymentMicro < 0n ? 'pays' : 'receives',
      value: units(paymentMicro < 0n ? -paymentMicro : paymentMicro, currency),
    },
  ];
}

/** Money in the network's currency, which only the genesis names. */
function units(micro: bigint, currency: string): string {
  const whole = (micro < 0n ? -micro : micro).toString().padStart(7, '0');
  return `${micro < 0n ? '-' : ''}${whole.slice(0, -6)}.${whole.slice(-6)} ${currency}`;
}

/** Exact: a Wh has 3600 W*s, so that more digits are given than people need. */
function kwh(wattSeconds: bigint): string {
  const micro = (wattSeconds * 1_000_000n) / 3_600_000n;
  const whole = micro.toString().padStart(7, '0');
  return `${whole.slice(0, -6)}.${whole.slice(-6, -3)} kWh (${wattSeconds} Ws)`;
}

function asJson(value: object): string {
  const json = JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'bigint') return inner.toString();
    return inner instanceof Uint8Array ? toHex(inner) : inner;
  });
  return legibleJson(json);
}
