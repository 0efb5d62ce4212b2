# Reads the events that a coding agent has printed, for usage.sh: usage, the conversation's id, and whether the agent stopped at
# a usage limit. Prints words: limit=yes at=SECONDS id=ID input=N output=N cached=N cost=N usage_of=OF
# cost_of=OF, where OF is turn or conversation.
# A line of ours (byte 0x1e, "dx-turn attempt=") begins another attempt of the agent.
#
# Rules, one in a line, with tabs between the words, and values as JSON has them:
#   id PATH                     the conversation's id
#   limit | usage               begins a rule
#   when PATH VALUE VALUE ...      a condition of the rule
#   text PATH                   of a limit: a text that may say when it resets
#   matches ERE                 of a limit: what that text has to match
#   at PATH, in PATH            of a limit: when it resets, in seconds since the epoch, or from now
#   input | output | cached | cost PATH
# A path may have one *, for the elements of a list.
# A usage of a conversation (the word after usage) counts from its first turn, and the last event has it all.
function string_end(s, at, step, back) { # of the string that s begins with
    at = 1
    while ((step = index(substr(s, at + 1), "\"")) > 0) {
        at += step
        for (back = 0; substr(s, at - 1 - back, 1) == "\\"; back++) {}
        if (back % 2 == 0) return at
    }
    return 0
}
function flatten(s, depth, c, size, token, name) { # sets value[PATH] for every scalar of a line of JSON
    split("", value)
    depth = 0
    while (1) {
        sub(/^[ \t\r:,]+/, "", s)
        c = substr(s, 1, 1)
        if (c == "") return
        if (c == "}" || c == "]") { depth--; s = substr(s, 2); continue }
        if (c == "{" || c == "[") size = 1
        else if (c == "\"") size = string_end(s)
        else { match(s, /^[-+.0-9A-Za-z]*/); size = RLENGTH }
        if (size < 1) return
        token = substr(s, 1, size)
        s = substr(s, size + 1)
        if (c == "\"" && depth && kind[depth] == "{" && key[depth] == "") {
            key[depth] = substr(token, 2, size - 2)
            continue
        }
        name = ""
        if (depth) {
            name = prefix[depth] (kind[depth] == "{" ? key[depth] : count[depth]++)
            key[depth] = ""
        }
        if (c == "{" || c == "[") {
            kind[++depth] = c
            prefix[depth] = name == "" ? "" : name "."
            key[depth] = ""
            count[depth] = 0
        } else value[name] = token
    }
}
function at_path(path, i, one) { # the first value there, "null" without one
    if (!index(path, "*")) return path in value ? value[path] : "null"
    for (i = 0; i < 50; i++) {
        one = path
        sub(/[*]/, i, one)
        if (one in value) return value[one]
    }
    return "null"
}
function holds(rule, i, j, found, any) {
    for (i = 1; i <= conditions[rule]; i++) {
        found = at_path(where[rule, i])
        any = 0
        for (j = 1; j <= choices[rule, i]; j++) if (found == choice[rule, i, j]) any = 1
        if (!any) return 0
    }
    return 1
}
function may_hold(rule, i) { # can the line be an event of this rule?
    for (i = 1; i <= conditions[rule]; i++)
        if (choices[rule, i] == 1 && choice[rule, i, 1] ~ /^"/ && !index($0, choice[rule, i, 1])) return 0
    return 1
}
function days(year, month, day) { # since the epoch
    if (month <= 2) { year--; month += 12 }
    return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * (month - 3) + 2) / 5) + day - 719469
}
function duration(text, sum, number, unit) { # seconds, 0 if the text does not begin with one
    sum = 0
    while (match(text, /^[0-9.]+ ?(ms|[smhd])[a-z]*/)) {
        number = text + 0
        unit = substr(text, 1, RLENGTH)
        text = substr(text, RLENGTH + 1)
        gsub(/[0-9. ]/, "", unit)
        sum += number * (unit ~ /^ms/ ? 0.001 : unit ~ /^s/ ? 1 : unit ~ /^m/ ? 60 : unit ~ /^h/ ? 3600 : 86400)
        sub(/^,? ?(and )?/, "", text)
    }
    return sum
}
function moment(text, zone, clock, month, day, year, hour, minute, pm, then, dated, command) { # like 3pm, Nov 29, 2:09am; 0 if it is none
    month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(text, 1, 3)) + 2) / 3
    dated = text ~ /^[A-Z][a-z][a-z] [0-9]/ && month == int(month) && month > 0
    if (dated) {
        text = substr(text, 5)
        day = text + 0
        sub(/^[0-9]+[a-z]*,? ?/, "", text)
        if (text ~ /^[0-9][0-9][0-9][0-9]/) { year = substr(text, 1, 4) + 0; text = substr(text, 5) }
        sub(/^,? ?(at )?/, "", text)
    }
    if (text !~ /^[0-9]+(:[0-9][0-9])? ?[apAP][mM]/) return 0
    hour = text + 0
    sub(/^[0-9]+/, "", text)
    minute = 0
    if (text ~ /^:/) { minute = substr(text, 2, 2) + 0; text = substr(text, 4) }
    sub(/^ /, "", text)
    pm = text ~ /^[pP]/
    hour = hour % 12 + (pm ? 12 : 0)
    zone = ""
    if (match(text, /^[apAP][mM] [(][A-Za-z0-9_+\/-]+[)]/)) zone = substr(text, 5, RLENGTH - 5)
    zone = zone == "" ? "" : "TZ=" zone " "
    clock = ""
    command = zone "date \"+%s %Y %m %d %H %M %S\""
    command | getline clock
    close(command)
    if (split(clock, now, " ") < 7) return 0
    if (!dated) { month = now[3]; day = now[4]; year = now[2] }
    if (!year) year = now[2] + 0 - (month - now[3] > 6) + (now[3] - month > 6)
    then = now[1] + (days(year + 0, month + 0, day + 0) - days(now[2] + 0, now[3] + 0, now[4] + 0)) * 86400
    then += hour * 3600 + minute * 60 - (now[5] * 3600 + now[6] * 60 + now[7]) + 60 # a minute lasts to its end
    if (!dated && then < now[1] - 600) then += 86400
    return then
}
function seconds_from_now(number, today) {
    "date +%s" | getline today
    close("date +%s")
    return today + (number == int(number) ? number : int(number) + 1)
}
function reset_time(text, rest, found) { # seconds since the epoch, 0 if the text does not say it
    if (match(text, /[|][0-9]+/) && RLENGTH == 11) return substr(text, RSTART + 1, 10) + 0
    if (match(text, /([Rr]etry|[Aa]gain|[Rr]esets?) (after|in) [0-9]/)) {
        rest = substr(text, RSTART + RLENGTH - 1)
        if ((found = duration(rest)) > 0) return seconds_from_now(found)
    }
    if (match(text, /([Rr]esets?|again)( at)? [A-Z0-9]/)) return moment(substr(text, RSTART + RLENGTH - 1))
    return 0
}
function see(rule, i, found, said) {
    if (sort[rule] == "usage") {
        for (i in count_of) if ((rule, i) in path) {
            found = at_path(path[rule, i])
            if (found ~ /^[0-9]/) { if (whole_of[rule]) total[i] = found; else total[i] += found; told[i] = of[rule] }
        }
        return
    }
    said = (rule, "text") in path ? at_path(path[rule, "text"]) : ""
    if ((rule, "matches") in path && said !~ path[rule, "matches"]) return
    limited = 1
    found = (rule, "at") in path ? at_path(path[rule, "at"]) : ""
    if (found ~ /^[0-9]+$/ && length(found) == 13) found = int(found / 1000) # some services count milliseconds
    if (found ~ /^[0-9]+$/ && length(found) < 12) { resets = found; exact = 1; return }
    found = (rule, "in") in path ? at_path(path[rule, "in"]) : ""
    gsub(/"/, "", found)
    found = found ~ /^[0-9.]+$/ && length(found) < 12 ? seconds_from_now(found) : reset_time(said)
    if (!exact && found > 0) resets = found
}
BEGIN {
    split("input output cached cost", names, " ")
    for (i in names) count_of[names[i]] = 1
    lines = split(ENVIRON["rules"], line, "\n")
    for (i = 1; i <= lines; i++) {
        words = split(line[i], word, "\t")
        if (word[1] == "id") id_path = word[2]
        else if (word[1] == "limit" || word[1] == "usage") {
            sort[++rules] = word[1]
            of[rules] = word[2]
            whole_of[rules] = word[2] == "conversation"
        } else if (word[1] == "when") {
            number = ++conditions[rules]
            where[rules, number] = word[2]
            choices[rules, number] = words - 2
            for (j = 3; j <= words; j++) choice[rules, number, j - 2] = word[j]
        } else path[rules, word[1]] = word[2]
    }
    id_key = id_path
    sub(/.*[.]/, "", id_key)
}
substr($0, 1, 17) == "\036dx-turn attempt=" { limited = exact = resets = 0; next }
substr($0, 1, 1) != "{" || length($0) > 1048576 { next }
{
    flat = 0
    if (id_path != "" && id == "" && index($0, "\"" id_key "\"")) {
        flatten($0)
        flat = 1
        id = at_path(id_path)
        gsub(/"/, "", id)
        if (id !~ /^[A-Za-z0-9][A-Za-z0-9._:-]*$/ || id == "null" || length(id) > 200) id = ""
    }
    for (rule = 1; rule <= rules; rule++) if (may_hold(rule)) {
        if (!flat) flatten($0)
        flat = 1
        if (holds(rule)) see(rule)
    }
}
END {
    if (limited) printf "limit=yes at=%d\n", resets
    if (id != "") print "id=" id
    if (ENVIRON["whole"] == "") exit
    sum = told["cost"]
    for (i in told) if (told[i] != "") {
        if (i == "cost") printf "cost=%.10g\ncost_of=%s\n", total[i], told[i]; else { printf "%s=%d\n", i, total[i]; sum = told[i] }
    }
    if (sum != "") print "usage_of=" sum
}
