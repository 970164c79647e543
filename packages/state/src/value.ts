// Everything about values under one name: what they are, how they are spelled as keys, how they travel.
export {
  freezeValue,
  setOwn,
  type Value,
  valuesEqual,
} from './plain-value.ts'
export {
  readingValueColumn,
  readValue,
  readValueColumn,
  writeValue,
  writeValueColumn,
} from './value-codec.ts'
export { canonicalKey, valueFromKey } from './value-key.ts'
