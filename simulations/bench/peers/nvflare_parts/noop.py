"""A client that trains nothing: every value moves by a hair, so that what goes back is new."""

import numpy as np
from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.apis.executor import Executor


class NoOp(Executor):
    def execute(self, task_name, shareable, fl_ctx, abort_signal):
        step = np.float32(1e-4 * (1 + len(fl_ctx.get_identity_name())))
        model = from_shareable(shareable).data
        moved = {name: np.asarray(values) + step for name, values in model.items()}
        return DXO(DataKind.WEIGHTS, data=moved, meta={MetaKey.NUM_STEPS_CURRENT_ROUND: 100}).to_shareable()
