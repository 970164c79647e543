/**
 * Who may see and do what only operators may. Where an authorize hook is set, whoever has a token that is `admin` for
 * `@cluster`, from anywhere. Where none is, whoever calls from this machine, or on the admin port. To look, from there with or
 * without a hook.
 */
import type { IncomingMessage } from 'node:http'
import { isLoopbackAddress, isLoopbackHost } from './origin-policy.ts'

/** Whether a token is that of an operator; rejects when that cannot be told now. */
export type IsOperator = (token: string, remote: string) => Promise<boolean>

export interface AccessRules {
  /** Undefined where no hook is set. */
  readonly isOperator: IsOperator | undefined
  /** Who counts as near here: callers on this machine, or whoever reaches this port. */
  readonly metricsFor: 'everyone' | 'this-machine'
}

/** `far`: not from here. `unknown`: a token is wanted that this is not. */
export type Access = 'granted' | 'far' | 'unknown'

/** A page of another origin cannot send it without asking first, and is not answered then. */
const operatorHeader = 'x-rejoin-operator'

export async function mayLook(request: IncomingMessage, rules: AccessRules): Promise<Access> {
  if (isNear(request, rules)) return 'granted'
  if (rules.isOperator === undefined) return 'far'
  return (await hasToken(request, rules.isOperator)) ? 'granted' : 'unknown'
}

export async function mayOperate(request: IncomingMessage, rules: AccessRules): Promise<Access> {
  const { headers } = request
  if (headers.origin !== undefined || headers[operatorHeader] === undefined) return 'far'
  if (rules.isOperator === undefined) return isNear(request, rules) ? 'granted' : 'far'
  return (await hasToken(request, rules.isOperator)) ? 'granted' : 'unknown'
}

async function hasToken(request: IncomingMessage, isOperator: IsOperator): Promise<boolean> {
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token !== undefined && (await isOperator(token, request.socket.remoteAddress ?? ''))
}

function isNear(request: IncomingMessage, { metricsFor }: AccessRules): boolean {
  return metricsFor === 'everyone' || isFromThisMachine(request)
}

/** Straight from this machine, under one of its own names: no proxy in between and no rebound DNS name. */
function isFromThisMachine({ headers, socket }: IncomingMessage): boolean {
  const proxied = ['forwarded', 'x-forwarded-for', 'via'].some((name) => headers[name] !== undefined)
  const named = isLoopbackHost((headers.host ?? '').replace(/:\d+$/, ''))
  return !proxied && named && isLoopbackAddress(socket.remoteAddress)
}
