import { describe, expect, it } from 'vitest'
import { runLeaseContract } from '../../contracts/lease-contract.ts'
import { voterLeases } from './voters.test-helper.ts'

runLeaseContract({ describe, it, expect }, 'own voters', voterLeases)
