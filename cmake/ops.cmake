# One line an operation: cl/NAME.cl, src/ops/NAME.h, src/ops/NAME.c, tests/ops/NAME.c.
vqdna_op(reduce)
