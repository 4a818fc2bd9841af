package main

import (
	"strconv"
	"strings"

	"kiebot/core"
	"kiebot/kie/catalog"
)

const (
	notCredits  = "is neither a number of credits, such as 100 or 12.5, nor unlimited"
	notConfirm  = "is neither a number of credits, such as 50, nor off"
	unlimited   = "unlimited"
	modelPrefix = "model:"
)

// readQuota makes the general rules about credits.
func (e environment) readQuota(s *settings, found *problems) {
	limit := func(name, raw string) *core.Limit {
		l, ok := readLimit(raw)
		if !ok {
			found.add(name, notCredits)
		}
		return l
	}
	if daily := limit("QUOTA_USER_DAILY", e.UserDaily); daily != nil {
		s.userDaily = *daily
	}
	s.policy = core.Policy{
		User:       core.Limits{Monthly: limit("QUOTA_USER_MONTHLY", e.UserMonthly)},
		Chat:       limit("QUOTA_CHAT_DAILY", e.ChatDaily),
		Total:      limit("QUOTA_TOTAL_DAILY", e.TotalDaily),
		MaxRequest: limit("MAX_REQUEST_CREDITS", e.MaxRequest),
		Roles:      readRoles(e.Roles, found),
	}
	s.policy.Kinds, s.policy.Models = e.readKinds(s, found)
	s.policy.MaxActive = readActive(e.MaxActive, found)
	confirm, ok := readConfirm(e.ConfirmAbove)
	if !ok {
		found.add("CONFIRM_ABOVE", notConfirm)
	}
	s.policy.ConfirmAbove = confirm
}

// readConfirm reads above which price a person is asked first.
func readConfirm(raw string) (*core.Limit, bool) {
	return readLimit(strings.Replace(raw, "off", unlimited, 1))
}

// readLimit reads a number of credits, or unlimited.
func readLimit(raw string) (*core.Limit, bool) {
	if raw == unlimited {
		return new(core.Unlimited), true
	}
	credits, err := catalog.ParseCredits(raw)
	if err != nil || credits < 0 {
		return nil, false
	}
	return new(core.Limit(credits)), true
}

// readActive reads how many tasks of a person may be under way.
func readActive(raw string, found *problems) *int {
	if raw == unlimited {
		return new(-1)
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 {
		found.add("MAX_ACTIVE_PER_USER", "is neither a whole number from 1 on, nor unlimited")
	}
	return &n
}

// listed splits "name=value,name=value" and reports by its number what is not
// so, or what read refuses.
func listed(variable, raw, form string, found *problems, read func(name, value string) bool) {
	if strings.TrimSpace(raw) == "" {
		return
	}
	for i, entry := range strings.Split(raw, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok || name == "" || !read(name, value) {
			found.add(variable, "has an entry, number %d, that is not %s", i+1, form)
		}
	}
}

// readRoles reads what people with a role or of a tier may use. A part that
// is left out is as for everybody.
func readRoles(raw string, found *problems) map[string]core.Limits {
	roles := map[string]core.Limits{}
	listed("QUOTA_ROLES", raw, "ROLE=DAILY or ROLE=DAILY/MONTHLY, such as discord:role:123=500/5000 or tier:gold=1000", found, func(role, value string) bool {
		daily, monthly, _ := strings.Cut(value, "/")
		_, twice := roles[role]
		var l core.Limits
		right := value != "" && strings.Contains(role, ":") && !twice
		if daily != "" && right {
			l.Daily, right = readLimit(daily)
		}
		if monthly != "" && right {
			l.Monthly, right = readLimit(monthly)
		}
		roles[role] = l
		return right
	})
	return roles
}

// readKinds reads what a person may use in a day of a kind of model, or of one model.
func (e environment) readKinds(s *settings, found *problems) (map[catalog.Kind]core.Limit, map[string]core.Limit) {
	kinds, models := map[catalog.Kind]core.Limit{}, map[string]core.Limit{}
	listed("QUOTA_KINDS", e.Kinds, "KIND=CREDITS or model:NAME=CREDITS, such as video=30 or model:veo3=10", found, func(name, value string) bool {
		limit, ok := readLimit(value)
		if !ok {
			return false
		}
		if model, is := strings.CutPrefix(name, modelPrefix); is {
			live, err := s.catalog()
			if err != nil {
				return true // CATALOG_FILE says so
			}
			m, err := live.Lookup(model)
			models[m.ID] = *limit
			return err == nil
		}
		kinds[catalog.Kind(name)] = *limit
		switch catalog.Kind(name) {
		case catalog.Image, catalog.Video, catalog.Music, catalog.Speech:
			return true
		}
		return false
	})
	return kinds, models
}
