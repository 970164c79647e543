// Everything about values under one name: what they are, how they are spelled as keys, how they travel.
export {
  checkValue,
  freezeValue,
  isValue,
  maxValueDepth,
  setOwn,
  type Value,
  type ValueKind,
  valueKind,
  valuesEqual,
} from './plain-value.ts'
export {
  defaultValueLimits,
  readValue,
  readValueColumn,
  type ValueLimits,
  writeValue,
  writeValueColumn,
} from './value-codec.ts'
export { canonicalKey, valueFromKey } from './value-key.ts'
