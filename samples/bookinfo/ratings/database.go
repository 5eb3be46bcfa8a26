package ratings

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/go-sql-driver/mysql" // the database's protocol
)

// database keeps the stars in a MySQL or MariaDB database: one row a reviewer
// and book, in the table ratings (book, reviewer, stars).
type database struct {
	db  *sql.DB
	err error // nobody can be asked
}

// openDatabase makes one; it connects when it is asked. Each question has a
// connection of its own: one that is kept open would hide from the demo that
// its endpoint has gone.
func openDatabase(dsn string) database {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return database{err: fmt.Errorf("reading MYSQL_DSN: %w", err)}
	}
	db.SetMaxIdleConns(-1)
	return database{db: db}
}

// Stars implements book.
func (d database) Stars(ctx context.Context, id string) (map[string]int, bool, error) {
	if d.err != nil {
		return nil, false, d.err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	rows, err := d.db.QueryContext(ctx, "SELECT reviewer, stars FROM ratings WHERE book = ?", id)
	if err != nil {
		return nil, false, fmt.Errorf("asking the database: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var who string
		var stars int
		if err := rows.Scan(&who, &stars); err != nil {
			return nil, false, fmt.Errorf("reading the database's answer: %w", err)
		}
		out[who] = stars
	}
	return out, len(out) > 0, rows.Err()
}

// Rate implements book.
func (d database) Rate(ctx context.Context, id string, change map[string]int) (map[string]int, bool, error) {
	stars, ok, err := d.Stars(ctx, id)
	if err != nil || !ok {
		return nil, ok, err
	}
	for who, n := range change {
		if _, known := stars[who]; !known && len(stars) >= maxReviewers {
			continue
		}
		if _, err := d.db.ExecContext(ctx, "REPLACE INTO ratings (book, reviewer, stars) VALUES (?, ?, ?)", id, who, n); err != nil {
			return nil, false, fmt.Errorf("writing to the database: %w", err)
		}
		stars[who] = n
	}
	return stars, true, nil
}
