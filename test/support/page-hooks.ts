import type { Page } from 'playwright-core'

// biome-ignore lint/suspicious/noExplicitAny: stands for functions of any arguments in a constraint, is no value's type
type Hooks = Record<string, (...args: any[]) => unknown>

/** Calls a function that a test page keeps in `hooks`, as if it were here. */
export type HookCall<T extends Hooks> = <K extends keyof T & string>(
  page: Page,
  name: K,
  ...args: Parameters<T[K]>
) => Promise<Awaited<ReturnType<T[K]>>>

/** The caller for pages with the hooks `T`. */
export function hooksOf<T extends Hooks>(): HookCall<T> {
  const call = ([hook, given]: readonly [string, readonly unknown[]]): unknown => {
    const { hooks } = globalThis as unknown as { hooks: Record<string, (...args: readonly unknown[]) => unknown> }
    return hooks[hook]?.(...given)
  }
  return async (page, name, ...args) => (await page.evaluate(call, [name, args] as const)) as never
}

/** Opens a tab and waits until its page has set up `hooks`. */
export async function openPage(context: { newPage(): Promise<Page> }, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction('globalThis.hooks !== undefined')
  return page
}
