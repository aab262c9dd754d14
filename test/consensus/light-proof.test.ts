import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { runCommandLine } from '../../agent/cli/command-line.ts';
import { verify } from '../../agent/cli/verify.ts';
import { proofAnswer } from '../../agent/diagnostics/proof-answer.ts';
import { openOwnStore } from '../../agent/own-store.ts';
import {
  blockDigest,
  checkLightProof,
  checkpointIn,
  checkpointOf,
  encodeProof,
  encodeTransaction,
  formatGenesis,
  formatLightProof,
  type LightProof,
  merklePath,
  merkleRoot,
  parseLightProof,
  proveReads,
  StateTree,
  signTransaction,
  verifyMerklePath,
} from '../../consensus/chain/index.ts';
import {
  type Claim,
  proveCheckpoint,
  proveClaim,
  verifyCheckpoint,
  verifyClaim,
} from '../../consensus/index.ts';
import { type LedgerStore, openLedgerStore } from '../../consensus/store/index.ts';
import { alice, bob, chainOf, contract, genesis, START_MS, start, transfer } from './chain-fixture.ts';
import { notebook, notesChain, notesGenesis } from './notebook.ts';

const EPOCH = 4;
const root = t.testdir();
/** The committee changes three times; seats 4 to 7 can seal for none of the first four. */
const committees = { 3: [0, 4, 5, 6, 7], 8: [1, 2, 3, 4], 10: [3, 4, 5, 6] };
const notes = notesChain({ genesis: notesGenesis(EPOCH), length: 14, committees });
const origin = checkpointOf(notes.start);
const note: Claim = { kind: 'entry', key: 'note/number 5' };
let store: LedgerStore;

async function proofOf(claim: Claim, of: LedgerStore = store): Promise<LightProof> {
  const made = await proveClaim(of, claim);
  if (!made.ok) throw new Error(`${made.code}: ${made.reason}`);
  return made.proof;
}

t.before(async () => {
  store = await openLedgerStore({
    directory: join(root, 'notes'),
    genesis: notesGenesis(EPOCH),
    contract: notebook,
  });
  for (const { final, executed } of notes.blocks) await store.append(final, executed);
});

t.teardown(() => store.close());

t.test('an entry is shown through every change of the committee, from any checkpoint before', async (t) => {
  const proof = await proofOf(note);
  const verdict = verifyClaim(proof, note, origin);
  t.match(verdict, { ok: true, changes: 3, sealed: { committee: 4 } });
  t.equal(verdict.ok && verdict.facts?.kind === 'entry' && verdict.facts.value.length, 40);
  for (const { next } of notes.blocks.slice(0, -1)) t.ok(verifyClaim(proof, note, checkpointOf(next)).ok);
  const own = verifyClaim(proof, note, checkpointOf(notes.head));
  t.match(own, { ok: true, sealed: null, changes: 0 }, 'who trusts this very block needs no seals');
  const absent: Claim = { kind: 'entry', key: 'note/number 99' };
  t.match(verifyClaim(await proofOf(absent), absent, origin), { ok: true, facts: null });
  t.match(verifyClaim(proof, absent, origin), { ok: false, code: 'PROOF_INCOMPLETE' });
});

t.test('beyond 1024 changes of the committee a proof goes on from a checkpoint in between', async (t) => {
  const length = 1_030;
  const sets = [
    [3, 4, 5, 6],
    [4, 5, 6, 7],
  ];
  const long = notesChain({
    genesis: notesGenesis(EPOCH),
    length,
    committees: Object.fromEntries(
      Array.from({ length: length - 1 }, (_, index) => [index + 1, sets[(index + 1) % 2]!]),
    ),
  });
  const milestones = long.blocks.map(({ final: { block, certificate }, next }) => {
    const { height } = block.header;
    return { header: block.header, certificate, validators: height < length ? next.validators : null };
  });
  const source = {
    ...{ head: long.head, firstHeight: 1, epochBlocks: EPOCH, trusted: checkpointOf(long.start) },
    readBlock: async (height: number) => ({ ok: true as const, found: long.blocks[height - 1]!.final }),
    readMilestone: async (height: number) => milestones[height - 1],
    readCommitteeChanges: async (above: number, most: number) =>
      milestones.filter(({ validators }) => validators !== null).slice(above, above + Math.min(most, 50)),
  };
  t.match(await proveClaim(source, note), { code: 'PROOF_TOO_MANY_CHANGES' });
  await t.rejects(proofAnswer(source, note), {
    code: 'AGENT_REFUSED',
    message: /\(PROOF_TOO_MANY_CHANGES\)\. .*"gridquorum prove checkpoint".*--since/,
  });
  // Who has but the genesis walks on in stages.
  const stage = await proveCheckpoint(source);
  if (!stage.ok) throw new Error(stage.reason);
  t.equal(stage.newestHeight, 1_028);
  t.equal(stage.proof.header.height, 1_024);
  t.match(verifyCheckpoint(stage.proof, checkpointOf(long.start)), { ok: true, changes: 1_023 });
  const halfway = checkpointIn(parseLightProof(formatLightProof(stage.proof, { kind: 'checkpoint' })).proof)!;
  const last = await proveCheckpoint(source, halfway.height);
  if (!last.ok) throw new Error(last.reason);
  t.equal(last.newestHeight, undefined);
  t.equal(last.proof.header.height, 1_028);
  t.match(verifyCheckpoint(last.proof, halfway), { ok: true, changes: 3 });
  t.match(await proveCheckpoint(source, 1_028), { code: 'PROOF_NOTHING_NEWER' });
  const made = await proveClaim(source, note, halfway.height);
  if (!made.ok) throw new Error(made.reason);
  const read = parseLightProof(formatLightProof(made.proof, note));
  t.equal(read.proof.sinceHeight, 1_024);
  t.match(verifyClaim(read.proof, note, halfway), { ok: true, changes: 5 });
  const asStrange = verifyClaim(read.proof, note, checkpointOf(long.start));
  t.match(asStrange, { ok: false, code: 'PROOF_STARTS_LATER', reason: /block 1024: trust that one/ });
  // What an earlier release wrote: the newest changes, and nothing of those before.
  const all = milestones.slice(0, -1);
  const fault = {
    ok: false,
    code: 'PROOF_TOO_MANY_CHANGES',
    reason: /more than 1024 changes .* checkpoint in between/,
  };
  const { sinceHeight: _, ...without } = read.proof;
  t.match(verifyClaim({ ...without, committees: all.slice(-1_024) }, note, checkpointOf(long.start)), fault);
  t.match(verifyClaim({ ...without, committees: all }, note, checkpointOf(long.start)), fault);
  t.ok(
    verifyClaim({ ...without, committees: all }, note, halfway).ok,
    'those below the checkpoint do not count',
  );
  const forged = { ...without, committees: all.slice(-2) };
  t.match(verifyClaim(forged, note, halfway), { ok: false, code: 'CHAIN_SEAL_BAD_SIGNATURE' });
});

t.test('a proof of large committees stays below what is read', async (t) => {
  const change = (await store.readMilestone(3))!;
  const seat = change.validators![0]!;
  const seal = change.certificate.seals[0]!;
  const large = (height: number) => ({
    header: { ...change.header, height },
    certificate: { ...change.certificate, seals: Array.from({ length: 31 }, () => seal) },
    validators: Array.from({ length: 31 }, () => seat),
  });
  const many = Array.from({ length: 1_000 }, (_, index) => large(index + 1));
  const made = await proveCheckpoint({
    ...{ head: { ...store.head, height: 2_000 }, firstHeight: 1, epochBlocks: EPOCH, trusted: store.trusted },
    readBlock: (height) => store.readBlock(height),
    readMilestone: async () => undefined,
    readCommitteeChanges: async (above, most) => many.slice(above, above + most),
  });
  if (!made.ok) throw new Error(made.reason);
  const text = formatLightProof(made.proof, { kind: 'checkpoint' });
  t.ok(text.length > 2 * 1024 * 1024 && text.length < 3 * 1024 * 1024, `${text.length} characters`);
  t.equal(parseLightProof(text).proof.committees.length, made.proof.committees.length);
});

t.test('what does not belong together is not proven, and says why', async (t) => {
  const proof = await proofOf(note);
  const reason = (changed: LightProof, checkpoint = origin) => {
    const verdict = checkLightProof(changed, checkpoint);
    return verdict.ok ? 'PROVEN' : verdict.code;
  };
  const [first, second, third] = proof.committees as [never, never, never];
  const { header, certificate, evidence } = proof;
  if (evidence.kind !== 'state') throw new Error('unreachable');
  const [entry] = evidence.entries;
  const withEntry = (changed: object): LightProof => ({
    ...proof,
    evidence: { kind: 'state', entries: [{ ...entry!, ...changed }] },
  });
  t.equal(reason(proof), 'PROVEN');
  t.equal(reason({ ...proof, genesis: 'ab'.repeat(32) }), 'PROOF_WRONG_CHAIN');
  t.equal(reason({ ...proof, committees: [second, third] }), 'CHAIN_SEAL_BAD_SIGNATURE', 'one passed over');
  t.equal(reason({ ...proof, committees: [first, second] }), 'CHAIN_SEAL_BAD_SIGNATURE', 'the last left out');
  t.equal(reason({ ...proof, committees: [first, third, second] }), 'CHAIN_SEALS_TOO_FEW', 'out of order');
  t.equal(reason({ ...proof, committees: [] }), 'CHAIN_SEAL_BAD_SIGNATURE');
  t.equal(reason({ ...proof, header: { ...header, stateRoot: header.parent } }), 'CHAIN_SEAL_BAD_SIGNATURE');
  t.equal(reason({ ...proof, header: { ...header, height: 13 } }), 'CHAIN_SEAL_BAD_SIGNATURE');
  t.equal(reason({ ...proof, certificate: { ...certificate, round: 1 } }), 'CHAIN_SEAL_BAD_SIGNATURE');
  const seals = certificate.seals.slice(1);
  t.equal(reason({ ...proof, certificate: { ...certificate, seals } }), 'CHAIN_SEALS_TOO_FEW');
  const twice = [seals[0]!, seals[0]!, seals[1]!];
  t.equal(reason({ ...proof, certificate: { ...certificate, seals: twice } }), 'CHAIN_SEALS_UNSORTED');
  t.equal(reason(withEntry({ key: 'note/number 6' })), 'PROOF_NOT_IN_STATE');
  t.equal(reason(withEntry({ value: new Uint8Array(40) })), 'PROOF_NOT_IN_STATE');
  t.equal(reason(withEntry({ value: null })), 'PROOF_NOT_IN_STATE');
  const later = checkpointOf(notes.head);
  t.equal(
    reason({ ...proof, header: notes.blocks[12]!.final.block.header }, later),
    'PROOF_BEFORE_CHECKPOINT',
  );
  t.equal(reason(proof, { ...later, digest: header.parent }), 'PROOF_OTHER_BLOCK');
  t.equal(
    reason({ ...proof, evidence: { kind: 'validators', validators: origin.validators } }),
    'PROOF_OTHER_COMMITTEE',
  );
});

t.test('any single change of a proof is found', async (t) => {
  const proof = await proofOf(note);
  const text = formatLightProof(proof, note);
  t.strictSame(parseLightProof(text), { proof, claim: note });
  t.ok(text.length < 16_000, `${text.length} characters with three changes of the committee`);
  // Digits of hex and of numbers carry all that matters; the claim and the format are words.
  const from = text.indexOf('"genesis"');
  const places = [...text.matchAll(/[0-9a-f]/g)].map(({ index }) => index).filter((index) => index > from);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom(...'0123456789abcdef'), (place, digit) => {
      if (text[place] === digit) return true;
      try {
        const changed = parseLightProof(text.slice(0, place) + digit + text.slice(place + 1));
        if (JSON.stringify(changed) === JSON.stringify(parseLightProof(text))) return true;
        return !verifyClaim(changed.proof, note, origin).ok;
      } catch {
        return true;
      }
    }),
    { numRuns: 1_500 },
  );
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (words) => {
      t.throws(() => parseLightProof(words), { code: 'CONSENSUS_BAD_PROOF' });
    }),
    { numRuns: 50 },
  );
  for (const spoilt of ['', '[]', text.slice(1), text.replace('"height": 14', '"height": 1e99')])
    t.throws(() => parseLightProof(spoilt), { code: 'CONSENSUS_BAD_PROOF' });
  t.throws(() => parseLightProof(' '.repeat(5_000_000)), { code: 'CONSENSUS_BAD_PROOF' });
  t.throws(() => parseLightProof(text.replaceAll('note/number 5', '\\ud800')), {
    code: 'CONSENSUS_BAD_PROOF',
  });
});

t.test('a checkpoint proves itself from the genesis, and proofs from it', async (t) => {
  const made = await proveCheckpoint(store);
  if (!made.ok) throw new Error(made.reason);
  t.equal(made.proof.header.height, 12, 'the newest end of an epoch');
  t.match(verifyCheckpoint(made.proof, origin), { ok: true, changes: 3 });
  const checkpoint = checkpointIn(made.proof)!;
  t.equal(checkpoint.digest, notes.blocks[11]!.next.digest);
  t.strictSame(checkpoint.validators, notes.blocks[11]!.next.validators);
  t.match(verifyClaim(await proofOf(note), note, checkpoint), { ok: true, changes: 0 });
  t.equal(checkpointIn(await proofOf(note)), null);
  t.match(verifyCheckpoint(await proofOf(note), origin), { ok: false });
  // Keys of an old committee, stolen, can seal another history for who trusts that committee, not for who is past it.
  const other = notesChain({ genesis: notesGenesis(EPOCH), length: 14, noteBytes: 41 });
  const fork: LightProof = {
    genesis: origin.genesis,
    committees: [],
    header: other.head.header,
    certificate: other.blocks[13]!.final.certificate,
    evidence: { kind: 'state', entries: proveReads(other.head.state, (state) => state.get('note/number 5')) },
  };
  t.ok(verifyClaim(fork, note, origin).ok, 'the genesis alone cannot tell');
  t.notOk(verifyClaim(fork, note, checkpoint).ok, 'the checkpoint can');
});

t.test('the command says what is proven, or why not, and tells the shell', async (t) => {
  const blocks = chainOf(3);
  const ledger = await openLedgerStore({ directory: join(root, 'told'), genesis, contract });
  t.teardown(() => ledger.close());
  for (const { final, executed } of blocks) await ledger.append(final, executed);
  const write = async (name: string, text: string) => {
    await writeFile(join(root, name), text);
    return join(root, name);
  };
  const asked = async (claim: object) => (await proofAnswer(ledger, claim)).document;
  const trusted = await write('genesis.json', formatGenesis(genesis));
  const balance = await asked({ kind: 'balance', account: alice.address });
  const file = await write('balance.json', balance);
  const told = async (...words: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const stream = (lines: string[]) =>
      ({ columns: 80, write: (line: string) => lines.push(line) }) as unknown as NodeJS.WriteStream;
    const io = { stdout: stream(out), stderr: stream(err), env: { NO_COLOR: '1' } };
    const actions = { verify } as unknown as Parameters<typeof runCommandLine>[1];
    const status = await runCommandLine(['verify', ...words], actions, io, '0');
    return { status, out: out.join(''), err: err.join('') };
  };
  const proven = await told(file, '--checkpoint', trusted);
  t.equal(proven.status, 0, proven.err);
  t.match(proven.out, /Proven\n {2}account +[0-9a-f]{40}\n {2}balance +0\.999979 EUR\n/);
  t.match(proven.out, /sealed by +3 of 4 validators\n {2}trusting +the 4 validators of the genesis in\s/);
  const json = JSON.parse((await told(file, '--checkpoint', trusted, '--json')).out);
  t.match(json, { proven: true, height: 3, facts: { balanceMicro: '999979' }, trust: { what: 'genesis' } });
  const checkpoint = await write('checkpoint.json', await asked({ kind: 'checkpoint' }));
  t.match(await told(checkpoint, '--checkpoint', trusted), { status: 0, out: /validators +[0-9a-f]{40}/ });
  t.match(await told(file, '--checkpoint', checkpoint), { status: 0, out: /none needed/ });

  const forged = await write('forged.json', balance.replace(alice.address, bob.address));
  t.match(await told(forged, '--checkpoint', trusted), {
    status: 1,
    err: /^gridquorum: Not proven: .*\[AGENT_NOT_PROVEN\]\n$/,
  });
  const spoilt = await write('spoilt.json', balance.replace('"round": 0', '"round": 1'));
  const answer = await told(spoilt, '--checkpoint', trusted, '--json');
  t.match(JSON.parse(answer.out), { proven: false, code: 'CHAIN_SEAL_BAD_SIGNATURE' });
  t.equal(answer.status, 1);
  const absent = await write('absent.json', await asked({ kind: 'entry', key: 'nothing/here' }));
  t.match(await told(absent, '--checkpoint', trusted), { status: 0, out: /nothing: there is none/ });
  const lie = `\u001b[2J${'x'.repeat(70)}\u001b[HProven\n  balance  9.99`;
  const liar = await told(
    await write('lie.json', await asked({ kind: 'entry', key: lie })),
    '--checkpoint',
    trusted,
  );
  t.equal(liar.status, 0);
  t.notMatch(liar.out, /[^\P{C}\n]|^ {2}balance/mu, liar.out);
  t.match(liar.out, /entry +\\u\{1b\}\[2Jx/);
  const account = await write(
    'account.json',
    await asked({ kind: 'entry', key: `accounts/${alice.address}` }),
  );
  const { out: holding } = await told(account, '--checkpoint', trusted);
  t.match(holding, /\n {2}holds +[0-9a-f]{64}\n +[0-9a-f]+\n/);
  for (const line of holding.split(/\n {2}as of/)[0]!.split('\n')) t.ok(line.length <= 80, line);
  t.equal((await told(file)).status, 2);
  t.equal((await told(file, '--checkpoint', join(root, 'gone.json'))).status, 2);
  t.equal((await told(file, '--checkpoint', file)).status, 2, 'a proof of a balance is no checkpoint');
  t.match(await told(file, '--checkpoint', await write('day.json', '{"day":"2026-06-01"}')), {
    status: 2,
    err: /day\.json is neither a genesis nor a checkpoint: /,
  });
  t.equal((await told(trusted, '--checkpoint', trusted)).status, 2, 'a genesis is no proof');
  const unjoined = balance.replace('"kind": "balance"', '"kind": "bribe"');
  t.equal((await told(await write('bribe.json', unjoined), '--checkpoint', trusted)).status, 2);
  const otherMembers = (await asked({ kind: 'checkpoint' })).replace(
    /"validators": \[\s+\{[^}]*\},/,
    '"validators": [',
  );
  t.equal((await told(file, '--checkpoint', await write('cut.json', otherMembers))).status, 2);
  await t.rejects(proofAnswer(ledger, { kind: 'balance', account: 'ab'.repeat(20) }), {
    code: 'AGENT_REFUSED',
  });
  await t.rejects(proofAnswer(ledger, { kind: 'balance' }), { code: 'AGENT_BAD_DATA' });
});

t.test('a home does not start with a checkpoint of another chain', async (t) => {
  const checkpointFile = join(root, 'trusted.json');
  const directory = join(root, 'home');
  const open = async (text: string) => {
    await writeFile(checkpointFile, text);
    const ledger = await openOwnStore({ directory, checkpointFile }, genesis);
    await ledger.close();
  };
  const ledger = await openLedgerStore({ directory: join(root, 'own'), genesis, contract });
  t.teardown(() => ledger.close());
  for (const { final, executed } of chainOf(2)) await ledger.append(final, executed);
  const { document } = await proofAnswer(ledger, { kind: 'checkpoint' });
  for (const text of [document, formatGenesis(genesis)]) await open(text);
  const strange = { code: 'AGENT_BAD_DATA', message: /trusted\.json is of another chain/ };
  for (const text of [
    document.replace(start.genesis, '0'.repeat(64)),
    formatGenesis({ ...genesis, currency: 'XYZ' }),
  ])
    await t.rejects(open(text), strange);
});

t.test('lists of any length prove each of their items, at its place only', async (t) => {
  for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 33]) {
    const items = Array.from({ length: count }, (_, index) => Uint8Array.of(index));
    const rootHash = merkleRoot('transaction', items);
    for (const [index, item] of items.entries()) {
      const path = merklePath('transaction', items, index);
      const shown = { item, index, count, path };
      t.ok(verifyMerklePath(rootHash, 'transaction', shown));
      t.notOk(verifyMerklePath(rootHash, 'reading', shown));
      t.notOk(verifyMerklePath(rootHash, 'transaction', { ...shown, index: index + 1 }));
      t.notOk(verifyMerklePath(rootHash, 'transaction', { ...shown, count: 2 * count }));
      t.notOk(verifyMerklePath(rootHash, 'transaction', { ...shown, path: [...path, item] }));
      t.notOk(verifyMerklePath(rootHash, 'transaction', { ...shown, path: path.slice(1) }) && count > 1);
      t.notOk(verifyMerklePath(rootHash, 'transaction', { ...shown, item: Uint8Array.of(99) }));
    }
  }
});

t.test('balances, and what is not there, by the rules that are shipped', async (t) => {
  const blocks = chainOf(3);
  const ledger = await openLedgerStore({ directory: join(root, 'ledger'), genesis, contract });
  t.teardown(() => ledger.close());
  t.match(await proveClaim(ledger, { kind: 'balance', account: alice.address }), { code: 'PROOF_NO_BLOCK' });
  t.match(await proveCheckpoint(ledger), { code: 'PROOF_NO_BLOCK' });
  for (const { final, executed } of blocks) await ledger.append(final, executed);
  const trusted = checkpointOf(start);
  const claim: Claim = { kind: 'balance', account: alice.address };
  const proof = await proofOf(claim, ledger);
  t.match(verifyClaim(proof, claim, trusted), {
    ok: true,
    facts: { kind: 'balance', balanceMicro: 999_979n },
  });
  t.match(verifyClaim(proof, { ...claim, account: bob.address }, trusted), {
    ok: false,
    code: 'PROOF_INCOMPLETE',
  });
  const nobody: Claim = { kind: 'balance', account: 'ab'.repeat(20) };
  t.match(await proveClaim(ledger, nobody), {
    ok: false,
    code: 'PROOF_NOTHING_THERE',
    reason: /no account with/,
  });
  const trade: Claim = { kind: 'trade', session: '2026-01-01/pool', home: alice.address };
  t.match(await proveClaim(ledger, trade), { ok: false, code: 'PROOF_NOTHING_THERE' });
  const reading: Claim = { kind: 'reading', home: alice.address, slotStartMs: START_MS };
  t.match(await proveClaim(ledger, reading), { ok: false, code: 'PROOF_NOTHING_THERE' });
  t.match(verifyClaim(proof, reading, trusted), { ok: false, code: 'PROOF_INCOMPLETE' });
  const early = await proveCheckpoint(ledger);
  t.equal(early.ok && early.proof.header.height, 3, 'before the first epoch has ended: the newest block');

  // A transaction of a block says what it says of its sender alone.
  const told = signTransaction(
    {
      genesis: start.genesis,
      sender: alice.address,
      nonce: 3,
      method: 'metering.record',
      args: [BigInt(START_MS), 7_200_000n, 0n, new Uint8Array(32).fill(5)],
      expiresMs: START_MS + 3_600_000,
    },
    alice.privateKey,
  );
  const items = [transfer(bob, 3), told].map(encodeTransaction);
  const header = { ...blocks[2]!.next.header, transactionsRoot: merkleRoot('transaction', items) };
  const at = {
    genesis: start.genesis,
    height: 3,
    digest: blockDigest(header),
    validators: trusted.validators,
  };
  const shown = (index: number): LightProof => ({
    ...proof,
    header,
    evidence: {
      kind: 'transaction',
      index,
      count: 2,
      transaction: items[index]!,
      path: merklePath('transaction', items, index),
    },
  });
  t.match(verifyClaim(shown(1), reading, at), {
    ok: true,
    facts: { kind: 'reading', importWs: 7_200_000n, slotStartMs: START_MS },
  });
  t.match(verifyClaim(shown(0), reading, at), { ok: false, code: 'PROOF_INCOMPLETE' });
  t.match(verifyClaim(shown(1), { ...reading, home: bob.address }, at), { ok: false });
  t.match(verifyClaim(shown(1), { ...reading, slotStartMs: START_MS + 300_000 }, at), { ok: false });
  const misplaced = shown(1);
  if (misplaced.evidence.kind !== 'transaction') throw new Error('unreachable');
  t.match(verifyClaim({ ...misplaced, evidence: { ...misplaced.evidence, index: 0 } }, reading, at), {
    ok: false,
    code: 'PROOF_NOT_IN_BLOCK',
  });
});

t.test('the way of one entry among 10,000 takes some 450 bytes', async (t) => {
  const entries = Array.from(
    { length: 10_000 },
    (_, index) => [`entry ${index}`, new Uint8Array(8)] as const,
  );
  const state = StateTree.EMPTY.update(new Map(entries));
  const sizes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(
    (index) => encodeProof(state.prove(`entry ${index}`)).length,
  );
  const mean = sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length;
  t.ok(mean > 350 && mean < 550, `${mean} bytes on average`);
});

t.test('a program that shares nothing with ours comes to the same verdicts', async (t) => {
  const made = await proveCheckpoint(store);
  if (!made.ok) throw new Error(made.reason);
  const absent: Claim = { kind: 'entry', key: 'note/number 99' };
  const proofs = [
    formatLightProof(await proofOf(note), note),
    formatLightProof(await proofOf(absent), absent),
    formatLightProof(made.proof, { kind: 'checkpoint' }),
  ];
  const trusted = formatLightProof(
    {
      genesis: origin.genesis,
      committees: [],
      header: notes.blocks[1]!.final.block.header,
      certificate: notes.blocks[1]!.final.certificate,
      evidence: { kind: 'validators', validators: notes.blocks[1]!.next.validators },
    },
    { kind: 'checkpoint' },
  );
  const checkpoint = checkpointIn(parseLightProof(trusted).proof)!;
  // Every 97th digit, so that each field is met; two programs must say the same of each.
  const spoilt = proofs.flatMap((text) =>
    [...text.matchAll(/[0-9a-f]/g)]
      .map(({ index }) => index)
      .filter((index, nth) => nth % 97 === 0 && index > text.indexOf('"genesis"'))
      .map((place) => text.slice(0, place) + (text[place] === '1' ? '2' : '1') + text.slice(place + 1)),
  );
  const candidates = [...proofs, ...spoilt].flatMap((text) => {
    try {
      return [{ text, proof: parseLightProof(text).proof }];
    } catch {
      return [];
    }
  });
  const ours = candidates.map(({ proof }) => checkLightProof(proof, checkpoint).ok);
  t.strictSame(ours.slice(0, 3), [true, true, true]);
  t.ok(ours.filter((proven) => !proven).length > 50, `${ours.length} proofs`);
  const [given, known] = ['proofs.json', 'checkpoint.json'].map((name) => join(root, name)) as [
    string,
    string,
  ];
  await writeFile(given, `[${candidates.map(({ text }) => text).join(',')}]`);
  await writeFile(known, trusted);
  const program = new URL('../../../test/peers/light_verifier.py', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)('python3', [program, given, known]);
  const theirs: { proven: boolean; reason: string }[] = JSON.parse(stdout);
  t.strictSame(
    theirs.map(({ proven }) => proven),
    ours,
  );
});

t.test('proofs of a release stay proofs', async (t) => {
  const directory = new URL('../../../test/vectors/light-proof/', import.meta.url);
  const read = async (name: string) => readFile(new URL(name, directory), 'utf8');
  const trusted = checkpointIn(parseLightProof(await read('checkpoint.json')).proof)!;
  const { proof, claim } = parseLightProof(await read('entry.json'));
  t.match(verifyClaim(proof, claim as Claim, trusted), { ok: true, changes: 2 });
  t.equal(formatLightProof(proof, claim as object), await read('entry.json'), 'and are written as they were');
  t.equal(
    formatLightProof(await proofOf(note), note),
    await read('entry.json'),
    'the same chain gives the same',
  );
});
