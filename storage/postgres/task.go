package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"kiebot/core"
)

// Task implements core.Tx.
func (t *transaction) Task(id core.TaskID) (core.Task, error) {
	return get[core.Task](t, tableTasks, string(id))
}

// PutTask implements core.Tx.
func (t *transaction) PutTask(task core.Task) error {
	return put(t, tableTasks, string(task.ID), task, func(row []any) []any {
		var duty any
		if !task.Due.IsZero() {
			duty = string(task.Work().Duty())
		}
		return append(row, string(task.Account), string(task.State), task.State.Final(), task.Request.Command,
			plain(task.Request.Model), plain(task.KieAccount), task.Created, maybe(task.Finished), maybe(task.Due), duty)
	})
}

// DeleteTask implements core.Tx.
func (t *transaction) DeleteTask(id core.TaskID) error { return t.remove(tableTasks, string(id)) }

// TaskByShort implements core.Tx.
func (t *transaction) TaskByShort(short string) (core.Task, error) {
	found, err := ids[core.TaskID](t, `SELECT id FROM kiebot.tasks WHERE "right"(id, 8) = $1 ORDER BY id DESC LIMIT 1`, plain(short))
	if err != nil {
		return core.Task{}, err
	}
	if len(found) == 0 {
		return core.Task{}, core.ErrNotFound
	}
	return t.Task(found[0])
}

// TasksOf implements core.Tx.
func (t *transaction) TasksOf(id core.AccountID, before core.TaskID, limit int) ([]core.Task, error) {
	return records[core.Task](t, tableTasks, "SELECT version, record FROM kiebot.tasks WHERE account = $1 AND (id < $2 OR $2 = '') ORDER BY id DESC LIMIT $3", string(id), string(before), limit)
}

// Tasks implements core.Tx.
func (t *transaction) Tasks(before core.TaskID, limit int) ([]core.Task, error) {
	return records[core.Task](t, tableTasks, "SELECT version, record FROM kiebot.tasks WHERE id < $1 OR $1 = '' ORDER BY id DESC LIMIT $2", string(before), limit)
}

// TasksIn implements core.Tx.
func (t *transaction) TasksIn(state core.State, before core.TaskID, limit int) ([]core.TaskID, error) {
	return ids[core.TaskID](t, "SELECT id FROM kiebot.tasks WHERE NOT final AND state = $1 AND (id < $2 OR $2 = '') ORDER BY id DESC LIMIT $3", string(state), string(before), limit)
}

// CountTasks implements core.Tx.
func (t *transaction) CountTasks() (map[core.State]core.TaskCount, error) {
	counts := map[core.State]core.TaskCount{}
	err := t.list(func(row pgx.Row) error {
		var state core.State
		var count core.TaskCount
		err := row.Scan(&state, &count.Tasks, &count.Oldest)
		counts[state] = count
		return err
	}, "SELECT state, count(*), min(id) FROM kiebot.tasks WHERE NOT final GROUP BY state")
	return counts, err
}

// OpenTasks implements core.Tx.
func (t *transaction) OpenTasks(id core.AccountID) ([]core.TaskID, error) {
	return ids[core.TaskID](t, "SELECT id FROM kiebot.tasks WHERE account = $1 AND NOT final ORDER BY id", string(id))
}

// FinishedTasks implements core.Tx.
func (t *transaction) FinishedTasks(before time.Time, limit int) ([]core.TaskID, error) {
	return ids[core.TaskID](t, "SELECT id FROM kiebot.tasks WHERE final AND finished < $1 ORDER BY finished, id LIMIT $2", before, limit)
}
