/**
 * Partitions: who may act for all, what goes wrong and what is done about it, and servers that replicate to each other.
 * Programs that do not import it carry none of it.
 *
 * @module
 */
export * from './partition/index.ts'
