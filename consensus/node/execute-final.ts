import { type Block, type Contract, type Executed, executeBlock, type Head } from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';

/**
 * What a block that a quorum has sealed comes to here.
 * @throws ConsensusError CONSENSUS_BAD_BLOCK when that is not what they have sealed: this node can follow no further
 */
export function executeFinal(head: Head, block: Block, contract: Contract): Executed {
  const executed = executeBlock(head, block, contract);
  if (executed.ok) return executed;
  const { height } = block.header;
  throw new ConsensusError(
    'CONSENSUS_BAD_BLOCK',
    `block ${height} is final and does not execute here: ${executed.reason}`,
    { height },
  );
}
