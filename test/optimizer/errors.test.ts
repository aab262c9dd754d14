import t from 'tap';
import { OptimizerError } from '../../optimizer/index.ts';

t.test('an error keeps its code and its details', (t) => {
  const error = new OptimizerError('OPTIMIZER_CROSSED_BOUNDS', 'l > u in row 3', { row: 3 });
  t.equal(error.code, 'OPTIMIZER_CROSSED_BOUNDS');
  t.equal(error.details.row, 3);
  t.throws(() => Object.assign(error.details, { row: 4 }));
  t.end();
});
