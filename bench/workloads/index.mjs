/** The workloads in the order of the report. */
export const workloadNames = ['w1', 'w2', 'w3', 'w4', 'w5', 'w8', 'w9', 'w10', 'w11', 'w12', 'w13']

/** The module of one workload. */
export const loadWorkload = (name) => import(`./${name}.mjs`)
