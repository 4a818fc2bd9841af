package discordtest

import "strings"

// handler answers a call whose body fits its route. It is called with the
// server's lock held. A nil result is an answer with status 204.
type handler func(*Server, *call) (any, error)

// route is a row of the table of what a bot may call.
type route struct {
	method string
	path   string   // as Call.Route shows it
	parts  []string // of path; those in braces stand for anything
	open   bool     // needs no token of the bot's: the address holds one
	shape  string   // of the body; empty for none
	files  bool     // takes files
	pace   pace
	run    handler
}

// name is what the log and faults call the route.
func (r *route) name() string { return r.method + " " + r.path }

// rows is the table, in the paths of the documentation.
func rows() []route {
	const (
		app      = "/applications/{application}"
		guildApp = app + "/guilds/{guild}"
		channel  = "/channels/{channel}"
		message  = channel + "/messages/{message}"
		webhook  = "/webhooks/{application}/{token}"
	)
	reading, writing, registering, hooking := pace{50, 1}, pace{5, 5}, pace{5, 20}, pace{5, 2}
	return []route{
		{method: "GET", path: "/gateway", open: true, pace: reading, run: (*Server).getGateway},
		{method: "GET", path: "/gateway/bot", pace: pace{2, 5}, run: (*Server).getGatewayBot},
		{method: "GET", path: "/users/@me", pace: reading, run: (*Server).getMe},
		{method: "GET", path: "/users/{user}", pace: reading, run: (*Server).getUser},
		{method: "POST", path: "/users/@me/channels", shape: "channel", pace: pace{10, 10}, run: (*Server).openDM},
		{method: "GET", path: "/applications/@me", pace: reading, run: (*Server).getApplication},
		{method: "PATCH", path: "/applications/@me", shape: "me", pace: registering, run: (*Server).editApplication},

		{method: "GET", path: app + "/commands", pace: reading, run: (*Server).getCommands},
		{method: "PUT", path: app + "/commands", shape: "commands", pace: registering, run: (*Server).putCommands},
		{method: "POST", path: app + "/commands", shape: "command", pace: registering, run: (*Server).postCommand},
		{method: "GET", path: app + "/commands/{command}", pace: reading, run: (*Server).getCommand},
		{method: "PATCH", path: app + "/commands/{command}", shape: "command_edit", pace: registering, run: (*Server).patchCommand},
		{method: "DELETE", path: app + "/commands/{command}", pace: registering, run: (*Server).deleteCommand},
		{method: "GET", path: guildApp + "/commands", pace: reading, run: (*Server).getCommands},
		{method: "PUT", path: guildApp + "/commands", shape: "commands", pace: registering, run: (*Server).putCommands},
		{method: "POST", path: guildApp + "/commands", shape: "command", pace: registering, run: (*Server).postCommand},
		{method: "GET", path: guildApp + "/commands/{command}", pace: reading, run: (*Server).getCommand},
		{method: "PATCH", path: guildApp + "/commands/{command}", shape: "command_edit", pace: registering, run: (*Server).patchCommand},
		{method: "DELETE", path: guildApp + "/commands/{command}", pace: registering, run: (*Server).deleteCommand},

		{method: "POST", path: "/interactions/{interaction}/{token}/callback", open: true, shape: "response", files: true, pace: hooking, run: (*Server).callback},
		{method: "POST", path: webhook, open: true, shape: "edit", files: true, pace: hooking, run: (*Server).followUp},
		{method: "GET", path: webhook + "/messages/{message}", open: true, pace: hooking, run: (*Server).getResponse},
		{method: "PATCH", path: webhook + "/messages/{message}", open: true, shape: "edit", files: true, pace: hooking, run: (*Server).editResponse},
		{method: "DELETE", path: webhook + "/messages/{message}", open: true, pace: hooking, run: (*Server).deleteResponse},

		{method: "GET", path: channel, pace: reading, run: (*Server).getChannel},
		{method: "GET", path: channel + "/messages", pace: writing, run: (*Server).getMessages},
		{method: "POST", path: channel + "/messages", shape: "message", files: true, pace: writing, run: (*Server).createMessage},
		{method: "GET", path: message, pace: writing, run: (*Server).getMessage},
		{method: "PATCH", path: message, shape: "edit", files: true, pace: writing, run: (*Server).editMessage},
		{method: "DELETE", path: message, pace: pace{5, 1}, run: (*Server).deleteMessage},
		{method: "POST", path: channel + "/typing", pace: writing, run: (*Server).typing},
		{method: "PUT", path: message + "/reactions/{emoji}/@me", pace: pace{1, 1}, run: (*Server).react},
		{method: "DELETE", path: message + "/reactions/{emoji}/@me", pace: pace{1, 1}, run: (*Server).unreact},

		{method: "GET", path: "/guilds/{guild}", pace: reading, run: (*Server).getGuild},
		{method: "GET", path: "/guilds/{guild}/roles", pace: reading, run: (*Server).getRoles},
		{method: "GET", path: "/guilds/{guild}/members/{user}", pace: reading, run: (*Server).getMember},
	}
}

func routeTable() []*route {
	var table []*route
	for _, r := range rows() {
		r.parts = strings.Split(r.path, "/")
		table = append(table, &r)
	}
	return table
}

// match finds the route of a path and what stands for its braces. Without one
// the error says whether another method has it.
func (s *Server) match(method, path string) (*route, map[string]string, error) {
	parts := strings.Split(path, "/")
	missing := notFound()
	for _, r := range s.routes {
		params, fits := r.fit(parts)
		switch {
		case fits && r.method == method:
			return r, params, nil
		case fits:
			missing = notAllowed()
		}
	}
	return nil, nil, missing
}

func (r *route) fit(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.parts) {
		return nil, false
	}
	params := map[string]string{}
	for i, part := range r.parts {
		name, is := strings.CutPrefix(part, "{")
		switch {
		case is && parts[i] != "":
			params[strings.TrimSuffix(name, "}")] = parts[i]
		case part != parts[i]:
			return nil, false
		}
	}
	return params, true
}
