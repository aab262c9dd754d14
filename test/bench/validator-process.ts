/** A process of a benchmark that is one validator, with its heap as `gridquorum run` keeps it. */
import { keepHeapSmall } from '../../agent/process/small-heap.ts';

keepHeapSmall();
await import('./validator.ts');
