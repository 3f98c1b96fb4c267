/** Every text of the page in both languages. A test keeps the keys and the {places} of the two equal. */

const zh = {
  language: "English",
  desk: "报警台",
  gateway: "智安网关",
  signIn: "登录",
  signOut: "退出",
  name: "姓名",
  password: "密码",
  signInHint: "首次使用：网关启动时在日志中给出一次性登录链接；也可用 npx zhian user add 建立账号。",
  signInByLink: "正在用一次性链接登录…",
  linkRefused: "一次性链接已失效（只能用一次，15 分钟内有效）。请用账号登录，或重启网关取得新链接。",
  signInRefused: "姓名或密码不正确。",
  signInThrottled: "尝试次数过多，请 {seconds} 秒后再试。",
  signedOut: "已退出登录，本页不再显示报警。请重新登录。",
  linkUser: "一次性链接",
  linkNote: "您用一次性链接登录，操作不记具体姓名。请用 npx zhian user add 为每人建立账号。",
  noAnswer: "网关没有应答，请检查网络后重试。",

  role_guard: "值班员",
  role_manager: "主管",
  role_installer: "安装员",
  role_admin: "管理员",
  role_auditor: "审计员",

  connection: "数据",
  live: "实时更新",
  connecting: "正在连接",
  reconnecting: "中断，正在重连",
  lastData: "最近数据 {time}",
  stale: "数据停在 {time}，正在重连。以下内容可能已变化，请同时查看消防主机和现场。",
  staleFor: "已 {age} 没有数据",
  neverConnected: "尚未连上网关，当前情况不明。",
  paused: "页面在后台，已暂停更新",
  recovered: "连接已恢复，补收 {count} 条变化。",
  devices: "设备",
  devicesOnline: "{online}/{total} 在线",
  devicesAll: "全部在线",
  devicesOffline: "{offline} 台离线",
  devicesUnknown: "{unknown} 台未上报",
  noDevices: "未配置设备",
  city: "城市平台",
  city_up: "已连接",
  city_connecting: "正在连接",
  city_down: "中断",
  city_off: "未配置",
  cityPending: "待发 {pending} 条，恢复后补发",
  cityNothing: "无待发数据",
  cityLocal: "本地报警不受影响",
  zones: "区域",
  zoneCounts: "红 {red} · 黄 {yellow} · 绿 {green}",
  zonesUnknown: "{unknown} 个不明",
  zonesKnown: "状态均已知",
  clock: "时钟",
  clock_synchronised: "已同步",
  clock_assumed: "未经核对",
  clock_unsynchronised: "不准",
  clockNow: "网关时间 {time}",
  notReady: "网关异常：{reasons}",

  alarms: "当前报警",
  moreAlarms: "显示其余 {count} 条",
  hiddenAlarms: "另有 {count} 条较轻的报警未列出。",
  none: "当前无报警",
  watching: "正在监测 {total} 台设备，{online} 台在线。",
  blind: "{missing} 台设备没有数据，其所在位置目前监测不到。",
  nothingWatched: "没有配置设备，本系统没有在监测任何东西。",
  loading: "正在读取当前报警…",
  unknownNow: "当前情况不明",
  unknownNowWhy: "没有网关的数据，不能认为正常。",

  level_fire: "火警",
  level_urgent: "紧急",
  level_normal: "一般",
  level_notice: "提示",
  level_fault: "故障",
  certainty: "可信度",
  certainty_observed: "已观测到",
  certainty_likely: "很可能",
  certainty_possible: "可能",
  state: "状态",
  "state_active-unacknowledged": "未确认",
  "state_active-acknowledged": "已确认，仍在持续",
  "state_returned-unacknowledged": "已恢复，未确认",
  "state_returned-acknowledged": "已恢复，待关闭",
  state_shelved: "已搁置",
  state_suppressed: "设计抑制",
  "state_out-of-service": "停用（检修）",
  state_closed: "已关闭",
  by: "{name} 确认",
  by_city: "城市平台 {name} 确认",
  by_gateway: "网关自动确认",
  count: "次数",
  times: "{count} 次",
  source: "来源",
  ago: "{age}前",
  seconds: "{s} 秒",
  minutes: "{m} 分 {s} 秒",
  hours: "{h} 小时 {m} 分",
  wholeHours: "{h} 小时",
  days: "{d} 天 {h} 小时",

  acknowledge: "确认",
  acknowledging: "正在确认…",
  close: "关闭",
  closeAs: "处置结果",
  closeNow: "关闭报警",
  closing: "正在关闭…",
  cancel: "取消",
  comment: "备注（可不填）",
  disposition_true: "属实",
  disposition_false: "误报",
  disposition_test: "测试",
  disposition_duplicate: "重复",
  chooseDisposition: "请先选择处置结果。",
  acknowledged: "确认已生效。",
  failed: "操作失败，未生效：{why}",
  failedTimeout: "网关 5 秒内没有应答",
  failedClosed: "该报警已被关闭",
  failedForbidden: "您的角色无权操作",
  failedDisk: "网关磁盘无法写入",
  failedOther: "{message}",
  disabledStale: "连接中断，暂不能操作",
  announceNew: "新报警：{level}，{place}，{title}",
  announceClosed: "{place} {title} 已关闭：{disposition}",
  announceGone: "{place} {title} 已恢复并关闭",
};

/** @type {Record<keyof typeof zh, string>} */
const en = {
  language: "中文",
  desk: "Alarm desk",
  gateway: "Zhian gateway",
  signIn: "Sign in",
  signOut: "Sign out",
  name: "Name",
  password: "Password",
  signInHint:
    "First time here: the gateway writes a one-time link to its log when it starts. Or make an account with npx zhian user add.",
  signInByLink: "Signing in with the one-time link…",
  linkRefused:
    "This one-time link is no longer valid (it works once, within 15 minutes). Sign in with an account, or restart the gateway for a new link.",
  signInRefused: "The name or the password is wrong.",
  signInThrottled: "Too many attempts. Try again in {seconds} s.",
  signedOut: "You are signed out and this page shows no alarms any more. Please sign in again.",
  linkUser: "one-time link",
  linkNote:
    "You came by the one-time link, so what you do carries no name. Make an account for each person with npx zhian user add.",
  noAnswer: "The gateway does not answer. Check the network and try again.",

  role_guard: "guard",
  role_manager: "manager",
  role_installer: "installer",
  role_admin: "administrator",
  role_auditor: "auditor",

  connection: "Data",
  live: "Live",
  connecting: "Connecting",
  reconnecting: "Lost, reconnecting",
  lastData: "Last data {time}",
  stale:
    "Data stopped at {time}, reconnecting. What you see may have changed: look at the fire panel and on site as well.",
  staleFor: "no data for {age}",
  neverConnected: "Not connected to the gateway yet; the situation is unknown.",
  paused: "Page in the background, updates paused",
  recovered: "Connected again. Changes caught up: {count}.",
  devices: "Devices",
  devicesOnline: "{online} of {total} online",
  devicesAll: "All online",
  devicesOffline: "{offline} offline",
  devicesUnknown: "{unknown} not heard yet",
  noDevices: "None configured",
  city: "City platform",
  city_up: "Connected",
  city_connecting: "Connecting",
  city_down: "Down",
  city_off: "Not configured",
  cityPending: "{pending} waiting, sent when it is back",
  cityNothing: "Nothing waiting",
  cityLocal: "Local alarms are not affected",
  zones: "Zones",
  zoneCounts: "Red {red} · Yellow {yellow} · Green {green}",
  zonesUnknown: "{unknown} unknown",
  zonesKnown: "All known",
  clock: "Clock",
  clock_synchronised: "Synchronised",
  clock_assumed: "Not verified",
  clock_unsynchronised: "Wrong",
  clockNow: "Gateway time {time}",
  notReady: "The gateway has a problem: {reasons}",

  alarms: "Active alarms",
  moreAlarms: "Show {count} more",
  hiddenAlarms: "Less urgent alarms not listed: {count}.",
  none: "No active alarms",
  watching: "Devices watched: {total}, online: {online}.",
  blind: "Devices without data: {missing}. What happens in their places cannot be known now.",
  nothingWatched: "No devices are configured: nothing is being watched.",
  loading: "Reading the active alarms…",
  unknownNow: "Situation unknown",
  unknownNowWhy: "There is no data from the gateway. Do not take it for normal.",

  level_fire: "Fire",
  level_urgent: "Urgent",
  level_normal: "Normal",
  level_notice: "Notice",
  level_fault: "Fault",
  certainty: "Certainty",
  certainty_observed: "observed",
  certainty_likely: "likely",
  certainty_possible: "possible",
  state: "State",
  "state_active-unacknowledged": "Unacknowledged",
  "state_active-acknowledged": "Acknowledged, still active",
  "state_returned-unacknowledged": "Returned, unacknowledged",
  "state_returned-acknowledged": "Returned, to be closed",
  state_shelved: "Shelved",
  state_suppressed: "Suppressed by design",
  "state_out-of-service": "Out of service",
  state_closed: "Closed",
  by: "by {name}",
  by_city: "by {name}, city platform",
  by_gateway: "by the gateway",
  count: "Count",
  times: "{count}×",
  source: "Source",
  ago: "{age} ago",
  seconds: "{s} s",
  minutes: "{m} min {s} s",
  hours: "{h} h {m} min",
  wholeHours: "{h} h",
  days: "{d} d {h} h",

  acknowledge: "Acknowledge",
  acknowledging: "Acknowledging…",
  close: "Close",
  closeAs: "What it turned out to be",
  closeNow: "Close alarm",
  closing: "Closing…",
  cancel: "Cancel",
  comment: "Comment (optional)",
  disposition_true: "Confirmed true",
  disposition_false: "False alarm",
  disposition_test: "Test",
  disposition_duplicate: "Duplicate",
  chooseDisposition: "Choose what it turned out to be first.",
  acknowledged: "Acknowledged.",
  failed: "Failed, nothing changed: {why}",
  failedTimeout: "the gateway did not answer within 5 s",
  failedClosed: "the alarm is closed already",
  failedForbidden: "your role may not do this",
  failedDisk: "the gateway's disk cannot be written",
  failedOther: "{message}",
  disabledStale: "Not possible while disconnected",
  announceNew: "New alarm: {level}, {place}, {title}",
  announceClosed: "{place} {title} closed: {disposition}",
  announceGone: "{place} {title} returned to normal and closed",
};

export const words = { zh, en };

/** @typedef {keyof typeof zh} Word */
/** @typedef {"zh" | "en"} Language */

const remembered = "zhian-language";
/** @type {Language} */
let language = localStorage.getItem(remembered) === "en" ? "en" : "zh";

/** @returns {Language} */
export const currentLanguage = () => language;

/** @param {Language} next */
export function setLanguage(next) {
  language = next;
  localStorage.setItem(remembered, next);
}

/**
 * The text in the language that is shown, with {places} filled in.
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 */
export function t(word, values = {}) {
  return words[language][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * A word whose name is put together; the code itself where there is none, so that a new value is seen and not blank.
 * @param {string} prefix
 * @param {string} code
 */
export function tOf(prefix, code) {
  const word = `${prefix}_${code}`;
  return word in zh ? words[language][/** @type {Word} */ (word)] : code;
}
